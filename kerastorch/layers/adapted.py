"""Layers with a weight that can be adapted by a product of two thin matrices (LoRA), and with weights that can be quantized."""

from collections.abc import Callable
from typing import Any

from kerastorch import dtype_policies, fields, initializers, ops
from kerastorch.errors import is_own
from kerastorch.layers.base import Layer
from kerastorch.layers.quantization import MODES, Matrix, Mode
from kerastorch.quantizers import configs
from kerastorch.saving.objects import serialize_keras_object
from kerastorch.variable import Variable

QUANTIZATION = fields.Field(configs.get, serialize_keras_object)


def adaptable(name: str) -> property:
    """The attribute for a weight that LoRA adapts: the weight itself, or as it is with what is added to it."""
    return property(lambda self: self._adapted(name), doc=f"The {name}, with what LoRA adds to it.")


class Adapted(Layer):
    """A layer of which one weight can be adapted (Hu et al., 2021): `weight + lora_alpha / lora_rank * a @ b`, with b at first 0.

    The weight is kept in the attribute of its name with an underscore before; the name itself is an `adaptable` property.
    """

    adapted = "kernel"  # the name of the weight
    rest: tuple[str, ...] = ("bias",)  # the names of the layer's other weights, in the order of files
    lora_rank: int | None
    lora_alpha: float | None
    lora_enabled = False

    def _weight(self, name: str) -> Any:
        """What the layer holds under the name of a weight: None where there is none, or not yet."""
        return self.__dict__.get(f"_{name}" if name == self.adapted else name)

    def _hold(self, name: str, variable: Variable | None) -> None:
        setattr(self, f"_{name}" if name == self.adapted else name, variable)

    def _adapted(self, name: str) -> Any:
        weight = self._stored(name)
        if weight is None:
            raise AttributeError(f"layer {self.name!r} ({type(self).__name__}) has no {name} yet: it is not built")
        return ops.add(weight, self._delta()) if self.lora_enabled else weight

    def _stored(self, name: str) -> Any:
        """A weight as it would be without LoRA."""
        return self._weight(name)

    def _lora_weights(self) -> list[Variable]:
        return [getattr(self, f"lora_{self.adapted}_{end}") for end in "ab"] if self.lora_enabled else []

    def _delta(self) -> Any:
        """What LoRA adds to the weight."""
        return ops.multiply(ops.matmul(*self._lora_weights()), self.lora_alpha / self.lora_rank)  # type: ignore[operator]

    def _built(self) -> None:
        """To be called at the end of `build`: adapts the layer where its arguments say so."""
        if self.lora_rank is not None and not self.lora_enabled:
            self._enable_lora(self.lora_rank, self.lora_alpha, "he_uniform", "zeros")

    def enable_lora(self, rank, lora_alpha=None, a_initializer="he_uniform", b_initializer="zeros"):
        """Freezes the weight, and adds to it the product of two trainable matrices.

        Args:
            rank: Columns of the first and rows of the second matrix.
            lora_alpha: The product is multiplied by `lora_alpha / rank`; None is `rank`.
            a_initializer, b_initializer: How the two start.

        Raises:
            ValueError: If the layer is not built, is adapted already, or has a constraint of the weight.
        """
        self._check_lora()
        if not self.built:
            raise ValueError(f"layer {self.name!r}: Cannot enable lora on a layer that isn't yet built")
        self._enable_lora(rank, lora_alpha, a_initializer, b_initializer)

    def _check_lora(self) -> None:
        if self.quantization_mode == "gptq":
            raise NotImplementedError(f"layer {self.name!r}: lora is not currently supported with GPTQ quantization")
        if getattr(self, f"{self.adapted}_constraint") is not None:
            raise ValueError(f"layer {self.name!r}: Lora is incompatible with {self.adapted.rstrip('s')} constraints; leave out "
                             f"the argument `{self.adapted}_constraint`")  # fmt: skip
        if self.lora_enabled:
            raise ValueError(f"layer {self.name!r}: lora is already enabled. This can only be done once per layer")

    def _enable_lora(self, rank: int, alpha: float | None, *starts: Any) -> None:
        self._check_lora()
        shape = self._shape(self.adapted)
        more = {"dtype": self.variable_dtype, "regularizer": getattr(self, f"{self.adapted}_regularizer")}
        for end, start, size in zip("ab", starts, ((*shape[:-1], rank), (rank, shape[-1])), strict=True):
            name = f"lora_{self.adapted}_{end}"
            setattr(self, name, self.add_weight(size, initializers.get(start), name=name, **more))
        self._weight(self.adapted).trainable = False
        self.lora_enabled, self.lora_rank, self.lora_alpha = True, rank, rank if alpha is None else alpha
        self._alter()

    def _shape(self, name: str) -> tuple[int, ...]:
        return self._weight(name).shape

    # ---------------------------------------------------------------- in `call`

    def _product(self, inputs: Any, product: Callable, name: str | None = None, thin: bool = True) -> Any:
        """`product(inputs, weight)`, with the weight as it is now.

        Args:
            inputs: The inputs.
            product: A function that is linear in both arguments.
            name: Name of the weight; the adapted one where None.
            thin: Whether the output's last axis is the weight's, so that `product(inputs, a) @ b` is `product(inputs, a @ b)`.
        """
        name = name or self.adapted
        out = self._plain_product(inputs, product, name)
        if not self.lora_enabled or name != self.adapted:
            return out
        if not thin:
            return ops.add(out, product(inputs, self._delta()))
        a, b = self._lora_weights()
        return ops.add(out, ops.multiply(ops.matmul(product(inputs, a), b), self.lora_alpha / self.lora_rank))  # type: ignore[operator]

    def _plain_product(self, inputs: Any, product: Callable, name: str) -> Any:
        return product(inputs, self._weight(name))

    # ---------------------------------------------------------------- files

    _stores_variables = property(lambda self: not self.lora_enabled)

    def _names(self) -> list[str]:
        """The names of the weights, in the order of files."""
        return [self.adapted, *self.rest]

    def _own_ordered(self) -> list[Variable]:
        """The layer's own weights in the order of files: without those of LoRA, whose product is part of the weight there."""
        first = [v for v in map(self._weight, self._names()) if v is not None]
        seen = {id(v) for v in (*first, *self._lora_weights())}
        return first + [v for v in super()._own_ordered() if id(v) not in seen]

    def save_own_variables(self, store) -> None:
        """Writes the values of the layer's own weights into a mapping, by their number; what LoRA adds is added."""
        if not self.built:
            return
        merged = {id(self._weight(n)): value for n, value in self._merged().items()} if self.lora_enabled else {}
        for i, v in enumerate(self._own_ordered()):
            store[str(i)] = ops.convert_to_numpy(merged[id(v)]) if id(v) in merged else v.numpy()

    def _merged(self) -> dict[str, Any]:
        """By name, the values of weights with what LoRA adds."""
        return {self.adapted: self._adapted(self.adapted)}

    def load_own_variables(self, store) -> None:
        """Sets the layer's own weights from such a mapping; after that, LoRA adds nothing."""
        super().load_own_variables(store)
        for v in self._lora_weights():
            v.assign(ops.zeros(v.shape, v.dtype))


class Quantizable(Adapted):
    """A layer with weights that can be quantized, by one of the `modes`."""

    modes: tuple[str, ...] = ("int8", "int4")
    quantization_config: Any

    def _shape(self, name: str) -> tuple[int, ...]:
        return self._seen[name].shape

    _seen = property(lambda self: self._state.extra["matrices"])  # by name, the weights as matrices
    _mode = property(lambda self: self._state.extra.get("mode"))  # None while the layer is not quantized
    _how = property(lambda self: self._state.extra["quantization"])  # the configuration that holds

    def _build_matrices(self, **matrices: Matrix) -> None:
        """To be called in `build` with those weights that can be quantized: creates them, as they are or quantized."""
        self._state.extra["matrices"] = matrices
        mode = self.quantization_mode
        if mode is not None:
            self.quantized_build(None, mode, self.quantization_config)
        if self._mode is None or self._mode.keeps:
            for name, matrix in matrices.items():
                self._hold(name, self._declared_weight(name, matrix.shape, matrix.fields))

    def quantized_build(self, kernel_shape, mode, config=None):
        """Creates the weights for a quantization mode.

        Args:
            kernel_shape: Accepted as in Keras; the layer knows it.
            mode: The mode.
            config: Its configuration; None takes the one that the dtype policy implies.

        Raises:
            NotImplementedError: For a mode that this kind of layer does not have.
        """
        found = self._state.extra["mode"] = self._require(mode)
        config = self._state.extra["quantization"] = config or configs.implied(self._policy, mode)
        for name, matrix in self._seen.items():
            for suffix, (shape, dtype) in found.parts(matrix, config).items():
                part = _part(name, suffix)
                if self._weight(part) is None and not (found.keeps and suffix == ""):
                    start = "ones" if suffix.endswith(("scale", "scales")) else "zeros"
                    variable = self.add_weight(shape, start, dtype, name=part.removeprefix("quantized_"), **found.made)
                    self._hold(part, variable)
        self._alter()

    def quantize(self, mode=None, type_check=True, config=None):
        """Replaces the weights by quantized ones.

        Args:
            mode: "int8", "int4", "float8", "gptq" or "awq".
            type_check: Whether subclasses written by users are refused.
            config: Configuration of the quantization, in place of `mode`.

        Raises:
            NotImplementedError: For such a subclass, or a mode that this kind of layer does not have.
            ValueError: If the layer is not built, or quantized already, or `mode` and `config` do not say one mode.
        """
        if type_check and not is_own(type(self)):
            return super().quantize(mode, type_check, config)
        if not self.built:
            raise ValueError(f"Cannot quantize a layer that isn't yet built. Layer {self.name!r} (of type {type(self).__name__!r}) "
                             "gets its weights when it is called, or by build()")  # fmt: skip
        config = configs.resolve(mode, config)
        if self._mode is not None:
            raise ValueError(f"Layer {self.name!r} is already quantized with dtype_policy={self._policy.name!r}, so it cannot be "
                             f"with mode={config.mode!r}")  # fmt: skip
        mode = self._require(config.mode)
        values = {} if mode.keeps or mode.waits else {name: self._weight(name) for name in self._seen}
        self._state.weights[:] = [v for v in self._state.weights if not any(v is old for old in values.values())]
        for name in values:
            self._hold(name, None)
        self.quantized_build(None, config.mode, config)
        for name, variable in values.items():
            for part, packed in self._packed(name, ops.convert_to_tensor(variable.numpy())).items():
                self._weight(part).assign(ops.convert_to_numpy(packed))
        self.quantization_config = config
        if "gptq_unpacked_column_size" in fields.fields_of(type(self)) and config.mode == "gptq":
            self.gptq_unpacked_column_size = self._seen[self.adapted].size[1]
        name = f"{config.policy_mode()}_from_{self._policy.name}"
        if isinstance(self._dtype_policy, dtype_policies.DTypePolicyMap):
            self._dtype_policy[self.path] = dtype_policies.get(name)
        else:
            self._dtype_policy = dtype_policies.get(name)
        self._alter()

    def _quantize_for(self, policy: Any) -> None:
        self.quantize(config=configs.Int4QuantizationConfig(block_size=policy.block_size) if hasattr(policy, "block_size")
                      else policy.quantization_mode)  # fmt: skip

    def quantized_call(self, *args, **kwargs):
        """The layer's work on its inputs, once it is quantized.

        Raises:
            NotImplementedError: If it is not.
        """
        self._require(self.quantization_mode)
        return self.call(*args, **kwargs)

    def _require(self, mode: Any) -> Mode:
        if mode not in self.modes:
            raise NotImplementedError(f"layer {self.name!r}: Invalid quantization mode. Expected one of {self.modes}, not "
                                      f"quantization_mode={mode!r}")  # fmt: skip
        return MODES[mode]

    # ---------------------------------------------------------------- calibration

    _watch: Callable | None = None  # is shown the inputs of products while the layer is calibrated

    def _calibrated(self, mode: str) -> bool:
        return self.quantization_mode == mode and self._mode is not None and self._weight(self.adapted) is None

    def _calibrate(self, value: bool) -> None:
        if value and self._mode is not None and self._mode.waits:
            old = self._weight(self.adapted)
            self._state.weights[:] = [v for v in self._state.weights if v is not old]
            self._hold(self.adapted, None)
            self._alter()

    is_gptq_calibrated = property(lambda self: self._calibrated("gptq"), _calibrate, doc="Whether GPTQ has filled the weights.")
    is_awq_calibrated = property(lambda self: self._calibrated("awq"), _calibrate, doc="Whether AWQ has filled the weights.")

    def _fill(self, found: dict[str, Any]) -> None:
        """Takes what an algorithm that looked at data has found in place of the weight."""
        for part, value in self._packed(self.adapted, found).items():
            self._weight(part).assign(ops.convert_to_numpy(value))
        self._calibrate(True)

    # ---------------------------------------------------------------- quantized weights

    @property
    def inputs_quantizer(self) -> Any:
        """What rounds the inputs; None where they stay as they are."""
        return None if self._mode is None else self._how.activation_quantizer

    def _parts(self, name: str) -> dict[str, Any]:
        """By suffix, the variables that are kept of a weight."""
        return {suffix: self._weight(_part(name, suffix)) for suffix in self._mode.parts(self._seen[name], self._how)}

    def _packed(self, name: str, value: Any) -> dict[str, Any]:
        """The values of a weight's parts, by their names."""
        return {_part(name, suffix): part for suffix, part in self._mode.pack(self._seen[name], self._how, value).items()}

    def _stored(self, name: str) -> Any:
        weight, mode = self._weight(name), self._mode
        whole = mode is None or (weight is None) != mode.waits
        return weight if whole else mode.integers(self._seen[name], self._parts(name))

    def _own_ordered(self) -> list[Variable]:
        own = super()._own_ordered()
        waiting = self._weight(self.adapted) if self._mode is not None and self._mode.waits else None
        return own if waiting is None else [v for v in own if v is not waiting]

    def _unpacked(self, name: str) -> Any:
        """What a quantized weight stands for."""
        return self._mode.value(self._seen[name], self._parts(name), self.variable_dtype)

    def _plain_product(self, inputs: Any, product: Callable, name: str) -> Any:
        weight = self._weight(name)
        if self._mode is None or self._mode.waits and weight is not None:
            if self._watch is not None:
                self._watch(inputs)
            return product(inputs, weight)
        return self._mode.product(self, self._seen[name], self._parts(name), self._how, inputs, product)

    def _biased(self, x: Any) -> Any:
        """With the bias added, where there is one."""
        if self.bias is None:
            return x
        return ops.add(x, self.bias if self._mode is None else self._mode.bias(self.bias, self.compute_dtype))

    def _unpacked_rows(self, places: Any) -> Any:
        """Some rows of the adapted weight, without LoRA; only these are unpacked."""
        if self._mode is None:
            return ops.take(self._weight(self.adapted), places, axis=0)
        parts = self._parts(self.adapted)
        taken = {s: v if s == Mode.GROUPS else ops.take(v, places, axis=0) for s, v in parts.items()}
        return self._mode.rows(self._seen[self.adapted], taken, self.compute_dtype)

    def _merged(self) -> dict[str, Any]:
        if self._mode is None or self._mode.keeps:
            return super()._merged()
        return self._packed(self.adapted, ops.add(self._unpacked(self.adapted), self._delta()))

    @property
    def variable_serialization_spec(self) -> dict[str | None, list[str]]:
        """By quantization mode, the names of the weights in the order of files."""
        names = self._quantized_names()
        found: dict[str | None, list[str]] = {None: [names[0], *self.rest, *names[1:]]}
        for mode in self.modes:
            order: list[str] = []
            for i, name in enumerate(names):
                more = [_part(name, suffix) for suffix in MODES[mode].suffixes]
                own = () if MODES[mode].waits else (name,)
                order += [*own, *(self.rest if i == 0 else ()), *(part for part in more if part not in order)]
            found[mode] = order
        return found

    def _quantized_names(self) -> list[str]:
        """The names of the weights that can be quantized."""
        return [self.adapted]

    def _names(self) -> list[str]:
        return self.variable_serialization_spec[self.quantization_mode if self._mode is not None else None]


def _part(name: str, suffix: str) -> str:
    """The name of one part of a quantized weight."""
    return f"{name}{suffix}" if suffix[:1] in ("", "_") else suffix

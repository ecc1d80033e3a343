"""compile, fit, evaluate, predict: one loop for all backends, which run one batch at a time (see each backend's `steps`)."""

import contextlib
import functools
import itertools
import warnings
from collections.abc import Iterator
from typing import Any

from kerastorch import backend_registry, optimizers, scope, settings, tree, variable
from kerastorch import callbacks as callbacks_
from kerastorch import metrics as metrics_
from kerastorch.errors import LayerError, NotCompiled, at, is_own, located, user_line
from kerastorch.legacy import old_spellings
from kerastorch.losses import names as losses_
from kerastorch.metrics.names import resolve as resolve_metric
from kerastorch.training import data as data_
from kerastorch.training.compiled import CompiledLoss, CompiledMetrics, align, parts, path_names
from kerastorch.training.functions import Functions
from kerastorch.training.logs import Logs


class Trainer(Functions):
    """What makes a layer trainable on data. Mixed into models."""

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls, *args, **kwargs)
        object.__setattr__(self, "_training", TrainingState())
        return self

    def __init__(self) -> None:
        """Training needs no arguments."""

    # ---------------------------------------------------------------- compile

    @located
    @old_spellings("models", "Model.compile")
    def compile(self, optimizer="rmsprop", loss=None, loss_weights=None, metrics=None, weighted_metrics=None, run_eagerly=False,
                steps_per_execution=1, jit_compile="auto", auto_scale_loss=True, backend=None):  # fmt: skip
        """Says how the model is trained.

        Args:
            optimizer: Optimizer or its name.
            loss: Loss, its name or a function (y_true, y_pred) -> per-sample values; a list or dict of them by output.
            loss_weights: Factors of the outputs' losses, as a list or dict.
            metrics, weighted_metrics: Metrics or names to report; lists or dicts by output. The weighted ones see sample weights.
            run_eagerly: Whether steps run op by op even where they could be compiled.
            steps_per_execution: How many batches run between callbacks.
            jit_compile: True compiles the step (torch.compile, XLA); "auto" leaves it to the backend.
            auto_scale_loss: Whether a loss scaling optimizer is used under the mixed_float16 policy.
            backend: Name of the backend for this model; None takes the default one.

        Raises:
            ValueError: For unknown names of optimizers, losses, metrics or backends.
        """
        from kerastorch.optimizers import Optimizer

        chosen = backend_registry.get(backend) if backend is not None else backend_registry.get(backend_registry.default_name())
        made = chosen.optimizer(optimizer) or optimizers.get(optimizer)
        for x in tree.leaves(loss):
            if isinstance(x, str):
                losses_.as_loss(x)
        for x in [*tree.leaves(metrics), *tree.leaves(weighted_metrics)]:
            if isinstance(x, str):
                resolve_metric(x, (None, 2), (None, 2), None)
        if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
            raise ValueError(f"compile: steps_per_execution must be a positive integer, not {steps_per_execution!r}")
        state = self._training = TrainingState()
        state.backend, state.arguments = (
            chosen,
            {
                "optimizer": made,
                "loss": loss,
                "loss_weights": loss_weights,
                "metrics": metrics,
                "weighted_metrics": weighted_metrics,
                "run_eagerly": run_eagerly,
                "steps_per_execution": steps_per_execution,
                "jit_compile": jit_compile,
            },
        )
        scaled = isinstance(made, Optimizer) and not isinstance(made, optimizers.LossScaleOptimizer)
        if scaled and auto_scale_loss and getattr(self.dtype_policy, "name", "") == "mixed_float16":
            made = optimizers.LossScaleOptimizer(made)
        state.loss_tracker = metrics_.Mean(name="loss")
        state.compiled = True
        self.optimizer = made
        self.loss = loss
        self.run_eagerly, self.steps_per_execution, self.jit_compile = run_eagerly, steps_per_execution, jit_compile is True
        self.stop_training = False
        self.train_function = self.test_function = self.predict_function = None

    _callable = True  # whether there is something to call, which a model with its own `train_step` may do without
    optimizer: Any  # which there is once the model is compiled
    loss: Any = None
    run_eagerly, steps_per_execution, jit_compile = False, 1, False  # until `compile` says otherwise
    stop_training = stop_evaluating = stop_predicting = False

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._training.compiled

    def _need_compiled(self, method: str) -> None:
        if not self._training.compiled:
            raise NotCompiled(f"model {self.name!r}: call compile() before {method}(), so that it has an optimizer and a loss"
                              f"{at(user_line(), 'called')}")  # fmt: skip

    @property
    def backend(self) -> Any:
        """The backend that runs this model: the one named in `compile`, else the weights' home, else the default one."""
        if self._training.backend is not None:
            return self._training.backend
        for v in self.weights:
            if v.backend is not None:
                return v.backend
        return backend_registry.active()

    # ---------------------------------------------------------------- getting ready

    def _prepare(self, data: data_.Data) -> Any:
        """Builds, and lowers, whatever is not yet; returns the steps."""
        state, signature = self._training, data.signature()
        steps = self._ready(signature)
        if steps is not None:
            return steps
        x, y, _ = data.sample()
        output = state.output
        if output is None or not self.built:
            output = state.output = self._output_for(x)
        if self.graph is not None:
            with scope.symbolic():
                self.standardize_inputs(x)
        if output is None:
            y = None  # there is only what the user's own steps do: no loss or metrics of outputs
        if state.loss is None and state.arguments.get("loss") is not None and y is not None:
            state.loss = self._compiled_loss(y, output)
        if state.loss is not None and y is not None:
            shapes = tree.map_structure(lambda t: t if t is None else (t.shape, t.dtype), y)
            if shapes not in state.checked:
                try:
                    state.loss.check(y, y if state.loss.of_targets else output)
                except LayerError as error:
                    raise LayerError(f"model {self.name!r}: {error}{at(user_line(), 'called')}") from error
                state.checked.append(shapes)
        if state.metrics is None and y is not None:
            names = self._names_of(output)
            terms = state.loss.terms if state.loss is not None else [None] * len(names)
            state.metrics = CompiledMetrics(state.arguments.get("metrics"), state.arguments.get("weighted_metrics"), output, names,
                                            functools.partial(self._shapes, y, output), terms)  # fmt: skip
        backend = self.backend
        layers, weights = self._flatten_layers(), self.weights
        flags = (x.trainable for layer in layers for x in (layer, *layer._own_variables))
        frozen = (state.loss, state.metrics, *flags)
        elsewhere = [v for m in state.measures for v in m.variables if v.backend not in (None, backend)]
        for v in elsewhere:
            v.leave()
        if state.steps is None or state.frozen != frozen or elsewhere or any(v.backend is not backend for v in weights):
            state.steps, state.frozen = backend.steps(self), frozen
            state.ready.clear()
        # A layer of the user's may have been given others in ways that leave no trace, such as a list that grows.
        if signature is not None and weights and all(is_own(type(layer)) for layer in layers):
            state.ready[signature, self.graph] = variable.changes
        return state.steps

    def _ready(self, signature: Any) -> Any:
        """The steps, where nothing has changed since they were found to serve data of that signature; else None."""
        state = self._training
        ready = signature is not None and state.ready.get((signature, self.graph)) == variable.changes
        return state.steps if ready else None

    def _output_for(self, x: Any) -> Any:
        graph = self._state.extra.get("graph")
        if graph is not None and self.graph is not None:
            return graph.outputs
        if not self._callable:
            return None
        with scope.symbolic(), backend_registry.using(self.backend):
            out = self(x)
        self.built = True
        graph = self._state.extra.get("graph")
        return graph.outputs if graph is not None and self.graph is not None else out

    def _compiled_loss(self, y: Any, output: Any) -> CompiledLoss:
        """The loss for targets and outputs such as these KerasTensors."""
        loss, weights = self._training.arguments["loss"], self._training.arguments["loss_weights"]
        of_targets = type(self).compute_loss is not Trainer.compute_loss and len(parts(y)) != len(parts(output))
        if not of_targets:
            return CompiledLoss(loss, weights, output, self._names_of(output))
        # The user's own compute_loss makes something else of the output, for which there is one target each.
        names = [losses_.as_loss(x).name for x in tree.leaves(loss)]
        return CompiledLoss(loss, weights, y, names if len(names) == len(parts(y)) else self._names_of(y), of_targets=True)

    def _names_of(self, output: Any) -> list[str]:
        n = len(parts(output))
        if self.graph is not None:
            names = _distinct(self.output_names)
        else:
            names = ["output"] if n == 1 else [f"output_{i + 1}" for i in range(n)]
        return path_names(output, names)

    def _shapes(self, y: Any, output: Any) -> list[tuple[Any, Any]]:
        terms = self._training.loss.terms if self._training.loss is not None else ()
        truths, outputs = align(y, output, terms, self._names_of(output))
        return [(None if t is None else t.shape, o.shape) for t, o in zip(truths, outputs, strict=True)]

    # ---------------------------------------------------------------- fit

    @located
    @old_spellings("models", "Model.fit")
    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, validation_split=0.0,
            validation_data=None, shuffle=True, class_weight=None, sample_weight=None, initial_epoch=0, steps_per_epoch=None,
            validation_steps=None, validation_batch_size=None, validation_freq=1):  # fmt: skip
        """Trains the model.

        Args:
            x: Arrays or tensors (a nest of them for several inputs), or a dataset, generator, DataLoader or PyDataset of batches.
            y: Targets, likewise; None for datasets.
            batch_size: Samples per update; 32 where it is None.
            epochs: Number of the last epoch.
            verbose: 0 silent, 1 or "auto" a progress bar, 2 a line per epoch.
            callbacks: Callbacks.
            validation_split: Fraction of the arrays, taken from the end, that is kept for validation.
            validation_data: (x, y) or (x, y, sample_weight) for validation, or a dataset.
            shuffle: Whether arrays are shuffled before each epoch.
            class_weight: Weight by integer class.
            sample_weight: Weight of each sample's loss.
            initial_epoch: Number of epochs done before.
            steps_per_epoch, validation_steps: Batches per epoch; needed for endless data.
            validation_batch_size: Batch size of validation; as `batch_size` where it is None.
            validation_freq: Validate every so many epochs, or after those listed.

        Returns:
            The History callback: `history` maps names to lists of values by epoch.
        """
        self._need_compiled("fit")
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = data_.train_validation_split((x, y, sample_weight), validation_split)
        data = data_.adapt(x, y, sample_weight, batch_size=batch_size, steps=steps_per_epoch, shuffle=shuffle,
                           class_weight=class_weight, role="fit")  # fmt: skip
        validation = None
        if validation_data is not None:
            vx, vy, vw = _unpack(validation_data)
            validation = data_.adapt(vx, vy, vw, batch_size=validation_batch_size or batch_size, steps=validation_steps,
                                     role="evaluate")  # fmt: skip
        epochs = _at_most(epochs, settings.max_epochs)
        steps = self._prepare(data)
        train = self._runner("train", steps)
        self._check_labels(data.host_labels())
        known = callbacks_.CallbackList(callbacks, add_history=True, add_progbar=verbose != 0, verbose=_verbosity(verbose),
                                        epochs=epochs, steps=_at_most(data.num_batches, settings.max_steps_per_epoch), model=self) \
            if not isinstance(callbacks, callbacks_.CallbackList) else callbacks  # fmt: skip
        try:
            self.stop_training = False
            self._initial_epoch = initial_epoch  # a callback may raise it, to go on where an earlier run was interrupted
            known.on_train_begin()
            logs: Any = None
            for epoch in range(self._initial_epoch, epochs):
                self.reset_metrics()
                known.on_epoch_begin(epoch)
                data.on_epoch_begin(epoch)
                result = None
                for result in self._each_batch("train", train, data, epoch, known):  # noqa: B007
                    if self.stop_training:
                        break
                data.on_epoch_end(epoch)
                steps.finish()
                logs = dict(self._lazy(result)())
                if validation is not None and self._due(epoch, validation_freq):
                    logs.update({f"val_{k}": v for k, v in self._evaluate(validation, known).items()})
                known.on_epoch_end(epoch, logs)
                if self.stop_training or data.exhausted:
                    break
            if hasattr(self.optimizer, "finalize_variable_values") and epochs > 0:
                self.optimizer.finalize_variable_values(self.trainable_variables)
            known.on_train_end(logs)
            return self.history
        finally:  # workers end with what they worked for, whatever ended that
            for source in (data, validation):
                if source is not None:
                    source.close()

    @staticmethod
    def _due(epoch: int, freq: Any) -> bool:
        return (epoch + 1) % freq == 0 if isinstance(freq, int) else epoch + 1 in freq

    def _lazy(self, result: Any) -> Any:
        """A thunk of the logs after a step whose result (a custom step's own logs, or None) is given."""

        def read() -> dict[str, Any]:
            logs = _numbers(self.get_metrics_result())
            if result is not None:
                own = _numbers(result)
                logs = logs if set(own) == set(logs) else own
            return logs

        return read

    def _each_batch(self, mode: str, step: Any, data: Any, epoch: int, known: Any) -> Iterator[Any]:
        """Runs the batches of an epoch and yields what each gave; callbacks hear of every `steps_per_execution` of them."""
        hooks, backend, every = known.has_batch_hooks(mode), self.backend, self.steps_per_execution
        begin, end = (getattr(known, f"on_{mode}_batch_{when}") for when in ("begin", "end"))
        group: list[Any] = []

        def ended(last: int) -> None:
            end(last, {"outputs": self._joined(group)} if mode == "predict" else Logs(self._lazy(group[-1])))
            group.clear()

        with backend_registry.using(backend):
            for i, batch in enumerate(_some(data.batches(backend, epoch))):
                if hooks and not group:
                    begin(i)
                result = self._step(step, batch)
                if hooks:
                    group.append(result)
                    if len(group) == every:
                        ended(i)
                yield result
            if group:  # a shorter last group counts as a whole one
                ended(i + every - len(group))

    def _joined(self, outputs: list[Any]) -> Any:
        """The outputs for several batches as numpy arrays (or what the backend has in their stead)."""
        backend = self.backend
        if backend.is_tensor(outputs[0]):
            return backend.joined(outputs)
        return tree.map_structure(lambda *xs: backend.joined(xs), *outputs)

    def _step(self, step: Any, batch: Any) -> Any:
        """One batch; where that fails, the error says in which model, and as far as it can be found out, why."""
        try:
            return step(batch)
        except Exception as error:
            from kerastorch.training.failures import explained

            found = explained(self, error, batch)
            if found is error:
                raise
            raise found from error

    def _check_labels(self, host: Any) -> None:
        """Refuses integer labels (a nest of numpy arrays) that are out of range."""
        loss = self._training.loss
        if loss is None or host is None or loss.of_targets:
            return
        truths, outputs = align(host, self._training.output, loss.terms, loss.names)
        for truth, out, term, name in zip(truths, outputs, loss.terms, loss.names, strict=True):
            if truth is not None and term is not None:
                try:
                    losses_.check_labels(term, truth, out.shape[-1] if out.shape else None)
                except ValueError as error:
                    raise LayerError(f"output {name!r} of model {self.name!r}: {error}{at(user_line(), 'called')}") from error

    # ---------------------------------------------------------------- evaluate, predict

    def _evaluate(self, data: Any, known: Any) -> dict[str, float]:
        steps = self._prepare(data)
        self.reset_metrics()
        self.stop_evaluating = False
        known.on_test_begin()
        result = None
        for result in self._each_batch("test", self._runner("test", steps), data, 0, known):  # noqa: B007
            if self.stop_evaluating:
                break
        logs = dict(self._lazy(result)())
        known.on_test_end(logs)
        return logs

    @located
    @old_spellings("models", "Model.evaluate")
    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, callbacks=None,
                 return_dict=False, **kwargs):  # fmt: skip
        """The loss and metrics on data; arguments as for `fit`.

        Returns:
            The loss where there are no metrics, else a list in the order of `metrics_names`, or a dict with `return_dict`.
        """
        if kwargs:
            raise ValueError(f"evaluate: unexpected arguments {sorted(kwargs)}")
        self._need_compiled("evaluate")
        data = data_.adapt(x, y, sample_weight, batch_size=batch_size, steps=steps, role="evaluate")
        known = callbacks_.CallbackList(callbacks, add_progbar=verbose != 0, verbose=_verbosity(verbose), epochs=1,
                                        steps=_at_most(data.num_batches, settings.max_steps_per_epoch), model=self) \
            if not isinstance(callbacks, callbacks_.CallbackList) else callbacks  # fmt: skip
        self._prepare(data)
        self._check_labels(data.host_labels())
        with contextlib.closing(data):
            logs = self._evaluate(data, known)
        if return_dict:
            return logs
        values = list(logs.values())
        return values[0] if len(values) == 1 else values

    @located
    @old_spellings("models", "Model.predict")
    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """The model's output for all samples as numpy arrays; arguments as for `fit`."""
        if verbose == 0 and callbacks is None and steps is None:  # one batch that nobody watches needs no loop
            stepper = self._ready(data_.lone(x, batch_size))
            if stepper is not None:
                with backend_registry.using(stepper.backend):
                    batch = data_.to_tensor(x, stepper.backend), None, None
                    return self._joined([self._step(self._runner("predict", stepper), batch)])
        data = data_.adapt(x, batch_size=batch_size, steps=steps, role="predict")
        known = callbacks_.CallbackList(callbacks, add_progbar=verbose != 0, verbose=_verbosity(verbose), epochs=1,
                                        steps=_at_most(data.num_batches, settings.max_steps_per_epoch), model=self) \
            if not isinstance(callbacks, callbacks_.CallbackList) else callbacks  # fmt: skip
        stepper = self._prepare(data)
        self.stop_predicting = False
        known.on_predict_begin()
        found: list[Any] = []
        with contextlib.closing(data):
            for outputs in self._each_batch("predict", self._runner("predict", stepper), data, 0, known):
                found.append(outputs)
                if self.stop_predicting:
                    break
        known.on_predict_end()
        if not found:
            raise ValueError("predict: the data has no batches")
        return self._joined(found)

    # ---------------------------------------------------------------- single batches

    @located
    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """One update on one batch; returns the loss and metrics so far."""
        self._need_compiled("train_on_batch")
        return self._on_batch("train", x, y, sample_weight, class_weight, return_dict)

    @located
    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """The loss and metrics with one more batch."""
        self._need_compiled("test_on_batch")
        return self._on_batch("test", x, y, sample_weight, None, return_dict)

    def _on_batch(self, what: str, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool) -> Any:
        self.reset_metrics()
        data = data_.adapt(x, y, sample_weight, batch_size=_rows(x), class_weight=class_weight, role="fit")
        steps = self._prepare(data)
        self._check_labels(data.host_labels())
        self.reset_metrics()
        backend = self.backend
        with backend_registry.using(backend):
            for batch in data.batches(backend, 0):
                result = self._step(getattr(steps, what), batch)
        steps.finish()
        logs = self._lazy(result)()
        if return_dict:
            return logs
        values = list(logs.values())
        return values[0] if len(values) == 1 else values

    @located
    def predict_on_batch(self, x):
        """The model's output for one batch as numpy arrays."""
        backend = self.backend
        data = data_.adapt(x, batch_size=_rows(x), role="predict")
        steps = self._prepare(data)
        with backend_registry.using(backend):
            out = [self._step(steps.predict, batch) for batch in data.batches(backend, 0)][0]
        return tree.map_structure(lambda t: _host(backend, t), out)

    # ---------------------------------------------------------------- what users override

    def train_step(self, data):
        """One update on one batch; returns logs. Override it for training of another kind."""
        return self._training.steps.default_train(data)

    def test_step(self, data):
        """Loss and metrics of one batch; returns logs."""
        return self._training.steps.default_test(data)

    def predict_step(self, data):
        """The output for one batch."""
        x, _, _ = _unpack(data)
        return self(x, training=False) if self._takes_training() else self(x)

    def _takes_training(self) -> bool:
        from kerastorch.layers.calls import specs_of

        return specs_of(type(self)).training

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The scalar that training minimises: the compiled loss and what layers added."""
        loss = self._training.loss
        terms = [] if loss is None else [loss(y, y_pred, sample_weight)]
        terms += self.losses
        if not terms and self._training.arguments.get("loss") is not None:
            raise LayerError(
                f"model {self.name!r} was compiled with a loss, but the data has no targets y{at(user_line(), 'called')}"
            )
        if not terms:
            raise NotCompiled(f"model {self.name!r} has no loss: give one to compile(), or call add_loss in a layer"
                              f"{at(user_line(), 'called')}")  # fmt: skip
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Updates the compiled metrics by one batch and returns all results."""
        if self._training.metrics is not None:
            self._training.metrics.update(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def stateless_compute_loss(self, trainable_variables, non_trainable_variables, metrics_variables, **kwargs):
        """As `compute_loss`; values of variables given do not matter to a compiled loss."""
        return self.compute_loss(**kwargs), (trainable_variables, non_trainable_variables, metrics_variables)

    # ---------------------------------------------------------------- metrics

    def _named_metrics(self) -> list[tuple[str, Any]]:
        state = self._training
        found = []
        if state.loss_tracker is not None:
            found.append(("loss", state.loss_tracker))
        if state.loss is not None:
            found += [(m.name, m) for m in state.loss.metrics]
        if state.metrics is not None:
            found += state.metrics.named()
        have = {id(m) for _, m in found}
        own = [m for layer in self._flatten_layers() for m in layer._members(metrics_.Metric) if id(m) not in have]
        return found + [(m.name, m) for m in dict.fromkeys(own)]

    @property
    def metrics(self) -> list[Any]:
        """The tracker of the loss, the compiled metrics, and those that layers keep."""
        return list({id(m): m for _, m in self._named_metrics()}.values())

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns."""
        return [n for n, _ in self._named_metrics()]

    def reset_metrics(self) -> None:
        """Sets all metrics back."""
        for m in self.metrics:
            m.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all metrics by name, as tensors; a loss that was never updated is left out."""
        logs: dict[str, Any] = {}
        for name, m in self._named_metrics():
            if m is self._training.loss_tracker and not self._training.tracked:
                continue
            value = m.result()
            if isinstance(value, dict):
                logs.update(value)
            else:
                logs[name] = value
        return logs

    def get_compile_config(self) -> dict[str, Any]:
        """The arguments of `compile` as a configuration."""
        from kerastorch.saving.objects import serialize_keras_object

        return {k: serialize_keras_object(v) for k, v in self._training.arguments.items()}

    def compile_from_config(self, config) -> None:
        """Compiles the model with what `get_compile_config` gave, and builds the optimizer where the model is built."""
        from kerastorch.saving.objects import deserialize_keras_object

        if type(self).compile is not Trainer.compile and type(self).compile_from_config is Trainer.compile_from_config:
            warnings.warn(
                f"model {self.name!r} stays uncompiled: `compile()` was not called as part of model loading because the "
                "model's `compile()` method is custom. Give the class a `compile_from_config(self, config)` (and a "
                "`get_compile_config(self)`), or call compile() yourself",
                stacklevel=2,
            )
            return
        self.compile(**deserialize_keras_object(config))
        if self.built and hasattr(self.optimizer, "build"):
            self.optimizer.build(self.trainable_variables)


class TrainingState:
    """What `compile` and training keep on a model."""

    def __getstate__(self) -> dict[str, Any]:
        """All but what a backend has made of the model."""
        return {**self.__dict__, "steps": None, "frozen": None, "ready": {}}

    def __init__(self) -> None:
        self.compiled = False
        self.backend: Any = None
        self.arguments: dict[str, Any] = {}
        self.loss: CompiledLoss | None = None
        self.metrics: CompiledMetrics | None = None
        self.loss_tracker: Any = None
        self.tracked = False  # whether the loss tracker was ever updated
        self.output: Any = None
        self.checked: list[Any] = []  # shapes and dtypes of targets that the loss is known to take
        self.steps: Any = None
        self.frozen: Any = None
        self.ready: dict[Any, int] = {}  # data and graph that the steps are known to serve: `variable.changes` when that was found

    @property
    def measures(self) -> list[Any]:
        """The metrics of what was compiled, those of the losses included."""
        of_parts = [m for part in (self.loss, self.metrics) if part is not None for m in part.metrics]
        return of_parts if self.loss_tracker is None else [self.loss_tracker, *of_parts]


def _at_most(number: int | None, limit: int | None) -> int | None:
    """A number (None is any) under a limit of the whole process (None is none)."""
    return number if limit is None else limit if number is None else min(number, limit)


def _some(batches: Any) -> Any:
    """Batches, as many as one epoch may have."""
    return batches if settings.max_steps_per_epoch is None else itertools.islice(batches, settings.max_steps_per_epoch)


def _distinct(names: list[str]) -> list[str]:
    used: dict[str, int] = {}
    out = []
    for n in names:
        k = used.get(n, 0)
        used[n] = k + 1
        out.append(f"{n}_{k}" if k else n)
    return out


def _unpack(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of a batch or of validation data in any of the usual forms."""
    if isinstance(data, tuple | list) and not (isinstance(data, list) and len(data) > 3):
        return (*data, *(None,) * (3 - len(data)))[:3]  # type: ignore[return-value]
    return data, None, None


def _verbosity(verbose: Any) -> int:
    return 1 if verbose == "auto" or verbose is True else int(verbose)


def _numbers(logs: Any) -> dict[str, Any]:
    return {k: _number(v) for k, v in logs.items()}


def _number(value: Any) -> Any:
    owner = backend_registry.of(value)
    if owner is not None:
        value = owner.numpy(value)
    if hasattr(value, "result"):
        return _number(value.result())
    return float(value) if getattr(value, "ndim", 0) == 0 else value


def _host(backend: Any, x: Any) -> Any:
    return backend.numpy(x) if backend.is_tensor(x) else x


def _rows(x: Any) -> int | None:
    leaf = tree.leaves(x)[0]
    return len(leaf) if hasattr(leaf, "__len__") else None

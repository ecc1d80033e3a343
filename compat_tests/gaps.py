"""The gap ledger: what a backend cannot do yet, or ever, and why. Each entry is a strict xfail.

An entry's key is the backend and the test as pytest shows it, without the file, the backend and "test_": `gradient[hypot]` is
`test_gradient` of the case `hypot`. A gap that starts to pass fails the run, so the ledger never says too much.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["notimpl", "notyet", "never"]


@dataclass(frozen=True)
class Gap:
    """Why something does not work.

    Attributes:
        kind: "notimpl" where we owe it, "notyet" where the framework does, "never" where it cannot be.
        why: The reason in a sentence.
    """

    kind: Kind
    why: str


GAPS: dict[tuple[str, str], Gap] = {
    ("tensorflow", "gradient[ctc_loss]"): Gap("notyet", "TensorFlow computes this loss in float32 only, too coarse for differences"),
    ("torch", "awkward_gradient[hypot of 0]"): Gap("notyet", "torch's own has NaN for it"),
    ("tensorflow", "awkward_gradient[arctan2 of 0]"): Gap("notyet", "TensorFlow's own has NaN for it"),
    ("tensorflow", "awkward_gradient[0 to the power of 0]"): Gap("notyet", "TensorFlow's own has NaN for it"),
    ("tensorflow", "awkward_gradient[norm of 0, order 3]"): Gap("notyet", "TensorFlow has NaN for the slope of a power of 0"),
    ("tensorflow", "awkward_gradient[where, NaN in a branch]"): Gap("never", "TensorFlow takes 0 times NaN for 0 in slopes of roots"),
}

# ------------------------------------------------------------------------------------------------ Keras's own tests

BOTH = ("torch", "tensorflow")

# Tests of Keras 3.15.1's own suite that Keras passes through its public API and we do not: (backends, file below keras/src, what
# the names of those tests have in common; others that pass may have it too) -> why. "never" are those that assert what we have
# decided against, or an accident.
SUITE: dict[tuple[tuple[str, ...], str, str], Gap] = {
    (BOTH, "layers/layer_test.py", "*not_implemented_error*"): Gap("never", "methods by private names, one for each mode"),
    (("tensorflow",), "layers/core/embedding_test.py", "*quantize_lora_integration*"): Gap("never", "a model built on integers is exported for integers"),
    (("torch",), "quantizers/gptq_core_test.py", "*"): Gap("notimpl", "torch's embedding takes no places counted from the end"),
    (("tensorflow",), "quantizers/gptq_test.py", "*filtering"): Gap("notimpl", "a Sequential takes inputs of the sizes that it was built for, and no others"),
    (("tensorflow",), "layers/core/embedding_test.py", "*ragged"): Gap("notimpl", "ragged tensors in a recorded layer"),
    (("tensorflow",), "layers/merging/merging_test.py", "*sparse_dot*"): Gap("notyet", "TensorFlow has no sparse Einstein sum"),
    (("tensorflow",), "export/saved_model_test.py", "*saved_model_errors"): Gap("never", "a model that was built need not be called"),
    (("tensorflow",), "export/tfsm_layer_test.py", "*default_saved_model"): Gap("notimpl", "models are no Trackables of TensorFlow's"),
    (("tensorflow",), "backend/tensorflow/saved_model_test.py", "*"): Gap("notimpl", "models are no Trackables of TensorFlow's"),
    (("tensorflow",), "optimizers/optimizer_test.py", "*tf_checkpointing"): Gap("notimpl", "optimizers are no Trackables"),
    (("torch",), "distribution/distribution_lib_test.py", "*TfDataset*"): Gap("never", "private state of a cluster of processes"),
    (("torch",), "distillation/distiller_test.py", "*initialization"): Gap("never", "a compiled loss before the model has an output"),
    (("tensorflow",), "*distribute*", "*"): Gap("notimpl", "distribution strategies"),
    (("tensorflow",), "callbacks/swap_ema_weights_test.py", "*tf_distribute"): Gap("notimpl", "distribution strategies"),
    (("tensorflow",), "backend/tensorflow/name_scope_test.py", "*"): Gap("never", "a name scope of Keras's is none of TensorFlow's"),
    (BOTH, "wrappers/sklearn_test.py", "*preserve_dtypes*"): Gap("never", "outputs are in the dtype of the model"),
    (BOTH, "backend/common/keras_tensor_test.py", "*invalid_usage"): Gap("never", "TensorFlow's functions of KerasTensors are recorded"),
    (("torch",), "random/random_test.py", "*test_randint?"): Gap("notyet", "torch compares no uint16 and uint32; Keras widens them"),
    (("tensorflow",), "ops/numpy_test.py", "*arg*"): Gap("notyet", "TensorFlow takes -0.0 and denormals for 0 in argmax and argmin"),
    (("torch",), "ops/numpy_test.py", "*uint8*"): Gap("never", "sums of uint8 are uint32 on every backend; in Keras int32 on torch"),
    (BOTH, "layers/preprocessing/image_preprocessing/random_flip_test.py", "test_random_flip_*al"): Gap("never", "wants a class of its own found by its module"),
    (BOTH, "layers/preprocessing/image_preprocessing/random_zoom_test.py", "*bounding_boxes*"): Gap("never", "boxes of one image, without a batch axis, are to come back with one"),
    (BOTH, "layers/preprocessing/image_preprocessing/random_shear_test.py", "*bounding_boxes*"): Gap("never", "boxes of one image, without a batch axis, are to come back with one"),
    (BOTH, "layers/preprocessing/image_preprocessing/mix_up_test.py", "*bounding_boxes"): Gap("never", "joins the labels of boxes along another axis than the boxes"),
    (BOTH, "layers/preprocessing/image_preprocessing/random_crop_test.py", "test_dict_input"): Gap("never", "in inference, masks are cropped though images are not"),
    (BOTH, "layers/preprocessing/image_preprocessing/random_saturation_test.py", "*full_saturation"): Gap("never", "a saturation of 255, where 1 is full"),
    (("torch",), "backend/tests/device_scope_test.py", "*meta_device"): Gap("never", "a tensor without values has none to move"),
    (BOTH, "ops/numpy_test.py", "*ndim*"): Gap("never", "the test wants a shape; the number of dimensions is an integer"),
    (BOTH, "ops/numpy_test.py", "*where*"): Gap("never", "recorded, where(condition) is told to differ from what runs"),
    (BOTH, "ops/numpy_test.py", "*nancum*"): Gap("never", "sums along no axis"),
    (BOTH, "ops/numpy_test.py", "*searchsorted*"): Gap("never", "recorded as int64, though running gives int32"),
    (BOTH, "ops/numpy_test.py", "*tensordot*"): Gap("never", "a recorded shape that contradicts the contraction"),
    (BOTH, "ops/numpy_test.py", "*einsum*"): Gap("never", "a recorded shape that contradicts the contraction"),
    (BOTH, "ops/numpy_test.py", "*slogdet*"): Gap("never", "a wrong shape of the sign for a batch"),
    (BOTH, "ops/numpy_test.py", "*corrcoef*"): Gap("never", "a recorded shape that differs from the one that runs"),
    (BOTH, "ops/core_test.py", "*while_loop_output_spec"): Gap("never", "passes a condition of one argument for two variables"),
    (BOTH, "ops/nn_test.py", "*softmax_on_axis_with_size_one_warns"): Gap("never", "compares a whole sentence; ours warns in its own"),
    (BOTH, "ops/nn_test.py", "*polar"): Gap("never", "shapes that do not broadcast"),
    (("tensorflow",), "ops/image_test.py", "*3d_with_dilation*"): Gap("never", "asserts a limit of TensorFlow's that ours does not have"),
    (("tensorflow",), "ops/math_test.py", "*sort_and_num_segments*"): Gap("never", "asserts a limit of TensorFlow's that ours does not have"),
    (("tensorflow",), "random/random_test.py", "*cast_seed"): Gap("never", "asserts how Keras reduces seeds"),
    (BOTH, "regularizers/*", "*orthogonal_regularizer*"): Gap("never", "compares a whole message"),
    (BOTH, "losses/losses_test.py", "CosineSimilarityTest::test_config"): Gap("never", "Keras forgets `axis` in the configuration"),
    (("tensorflow",), "losses/losses_test.py", "*different_axis"): Gap("never", "asserts a limit of TensorFlow's that ours does not have"),
    (BOTH, "trainers/trainer_test.py", "test_predict_dropout"): Gap("never", "Keras drops a recorded training=True in predict"),
    (("tensorflow",), "trainers/trainer_test.py", "*match_multi_epoch*"): Gap("never", "an epoch borrows batches from the next"),
    (BOTH, "saving/saving_lib_test.py", "*save_model_exception_raised*"): Gap("never", "wants a broken file left behind"),
    (BOTH, "saving/saving_api_test.py", "test_save_h5_format"): Gap("never", "compares a whole log message"),
    (BOTH, "layers/layer_test.py", "*add_weight_string*"): Gap("never", "the name first, as in Keras 2, is still taken"),
    (BOTH, "layers/layer_test.py", "*positional_arg_error"): Gap("never", "options by position, as in Keras 2, are still taken"),
    (("torch",), "layers/layer_test.py", "*add_weight_in*"): Gap("never", "modules have torch's conventional names"),
    (BOTH, "layers/core/embedding_test.py", "*invalid_*_dim"): Gap("never", "from_config raises what the constructor raises"),
    (BOTH, "layers/core/einsum_dense_test.py", "*constraints"): Gap("never", "builds for a shape that the equation cannot take"),
    (("torch",), "layers/core/input_layer_test.py", "*basic_*"): Gap("never", "recording knows no backend, which may be TensorFlow"),
}

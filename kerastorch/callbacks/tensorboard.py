"""Showing training in TensorBoard."""

import contextlib
import json
import os
import time
import warnings
from typing import Any

from kerastorch.callbacks.base import Callback
from kerastorch.callbacks.events import COLORS, EventWriter
from kerastorch.callbacks.learning_rate import rated

TENSOR = "layer_with_weights-0/embeddings/.ATTRIBUTES/VARIABLE_VALUE"  # what the projector's configuration calls an embedding


class TensorBoard(Callback):
    """Writes what TensorBoard shows: values by epoch and batch, histograms and pictures of weights, the graph of layers, profiles.

    It needs the library tensorboardX or tensorboard. Values of training and validation come to the folders "train" and
    "validation".

    Args:
        log_dir: Folder for this alone.
        histogram_freq: After how many epochs histograms of the weights are written; 0 is never.
        write_graph: Whether the graph of layers is written, for functional and sequential models.
        write_images: Whether weights are written as pictures, along with the histograms.
        write_steps_per_second: Whether the speed is written.
        update_freq: "epoch", "batch", or after how many batches values are written.
        profile_batch: Number of the batch to profile, counted from 1, or a pair of the first and the last; 0 is none.
        embeddings_freq: After how many epochs weights are saved for the embedding projector; 0 is never.
        embeddings_metadata: File that names the rows of embeddings, or a dictionary from layer names to files.

    Raises:
        ValueError: If `profile_batch` is something else.
    """

    def __init__(
        self,
        log_dir="logs",
        histogram_freq=0,
        write_graph=True,
        write_images=False,
        write_steps_per_second=False,
        update_freq="epoch",
        profile_batch=0,
        embeddings_freq=0,
        embeddings_metadata=None,
    ):
        super().__init__()
        self.log_dir = str(log_dir)
        self.histogram_freq, self.write_graph, self.write_images = histogram_freq, write_graph, write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self._first, self._last = _range(profile_batch)
        self._profile: Any = None
        self._writers: dict[str, EventWriter] = {}
        self._batch = 0
        self._began: dict[str, float] = {}
        if self.update_freq != "epoch" or self._first:  # else batches pass without anybody being told
            self.on_train_batch_begin, self.on_train_batch_end = self._begin_batch, self._end_batch

    def _writer(self, which: str) -> EventWriter:
        """The writer of "train" or "validation", made when it is first needed."""
        if which not in self._writers:
            self._writers[which] = EventWriter(os.path.join(self.log_dir, which))
        return self._writers[which]

    def set_model(self, model):
        super().set_model(model)
        self._close()
        if self.write_graph and getattr(model, "graph", None) is not None:
            self._write_graph(model)
        if self.embeddings_freq:
            self._write_projector(model)

    def _close(self):
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    # ---------------------------------------------------------------- training

    def on_train_begin(self, logs=None):
        self._batch = 0

    def on_train_end(self, logs=None):
        self._stop_profile()
        self._close()

    def _begin_batch(self, batch, logs=None):
        self._batch += 1
        self._began["batch"] = time.perf_counter()
        if self._batch == self._first:
            self._profile = contextlib.ExitStack()
            self._profile.enter_context(self.model.backend.profile(os.path.join(self.log_dir, "train")))

    def _end_batch(self, batch, logs=None):
        if self.update_freq != "epoch" and self._batch % self.update_freq == 0:
            writer = self._writer("train")
            if self.write_steps_per_second:
                seconds = time.perf_counter() - self._began["batch"]
                writer.scalar("batch_steps_per_second", 1.0 / seconds, self._batch)
            for name, value in (logs or {}).items():
                writer.scalar(f"batch_{name}", value, self._batch)
        if self._batch == self._last:
            self._stop_profile()

    def _stop_profile(self):
        if self._profile is not None:
            self._profile.close()
            self._profile = None

    def on_epoch_begin(self, epoch, logs=None):
        if self.write_steps_per_second:
            self._began["epoch"], self._began["step"] = time.perf_counter(), int(self.model.optimizer.iterations)

    def on_epoch_end(self, epoch, logs=None):
        if logs:
            self._write_epoch(epoch, logs)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            os.makedirs(os.path.join(self.log_dir, "train"), exist_ok=True)
            self.model.save_weights(os.path.join(self.log_dir, "train", f"keras_embedding.ckpt-{epoch}.weights.h5"))

    def _write_epoch(self, epoch, logs):
        values = {n: v for n, v in logs.items() if not n.startswith("val_")}
        for name, optimizer in rated(self.model):
            if hasattr(optimizer, "learning_rate"):
                values[f"learning_rate_{name}" if name else "learning_rate"] = float(optimizer.learning_rate)
        if self.write_steps_per_second:
            steps = int(self.model.optimizer.iterations) - self._began["step"]
            values["steps_per_second"] = steps / (time.perf_counter() - self._began["epoch"])
        for name, value in values.items():
            self._writer("train").scalar(f"epoch_{name}", value, epoch)
        for name, value in logs.items():
            if name.startswith("val_"):
                self._writer("validation").scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)

    # ---------------------------------------------------------------- testing

    def on_test_end(self, logs=None):
        if hasattr(self.model.optimizer, "iterations"):
            step, writer = int(self.model.optimizer.iterations), self._writer("validation")
            for name, value in (logs or {}).items():
                writer.scalar(f"evaluation_{name}_vs_iterations", value, step)
            writer.flush()

    # ---------------------------------------------------------------- weights, graph

    def _write_weights(self, epoch):
        writer = self._writer("train")
        for layer in self.model.layers:
            for weight in layer.weights:
                name, value = weight.path.replace(":", "_"), weight.numpy()
                writer.histogram(f"{name}/histogram", value, epoch)
                pictures = _pictures(value) if self.write_images else None
                if pictures is not None:
                    writer.images(f"{name}/image", pictures, epoch)
        writer.flush()

    def _write_graph(self, model):
        try:
            description = model.to_json()
        except (TypeError, ValueError, NotImplementedError) as error:
            warnings.warn(f"TensorBoard: model {model.name!r} has no configuration to show as a graph: {error}", stacklevel=2)
            return
        self._writer("train").keras_model("keras", description, 0)

    def _write_projector(self, model):
        """Tells TensorBoard's projector of the model's embeddings.

        Raises:
            ValueError: If `embeddings_metadata` names layers that are no embeddings.
        """
        from kerastorch.layers import Embedding

        given = self.embeddings_metadata
        names = [layer.name for layer in model.layers if isinstance(layer, Embedding)]
        files = dict.fromkeys(names, given) if isinstance(given, str) else dict(given or {})
        unknown = sorted(files.keys() - set(names))
        if unknown:
            raise ValueError(
                f"TensorBoard: embeddings_metadata has Unrecognized `Embedding` layer names {unknown}; "
                f"the model's are {names}"
            )
        os.makedirs(self.log_dir, exist_ok=True)
        with open(os.path.join(self.log_dir, "projector_config.pbtxt"), "w", encoding="utf-8") as file:
            for name in names:
                metadata = f"  metadata_path: {json.dumps(str(files[name]))}\n" if files.get(name) else ""
                file.write(f"embeddings {{\n  tensor_name: {json.dumps(TENSOR)}\n{metadata}}}\n")


def _range(profile_batch: Any) -> tuple[int, int]:
    """The first and last batch to profile, 0 and 0 for none."""
    found = profile_batch
    if isinstance(found, str):
        found = tuple(int(n) for n in found.split(","))
        found = found[0] if len(found) == 1 else found
    pair = (found, found) if isinstance(found, int) else tuple(found) if isinstance(found, list | tuple) else ()
    if len(pair) != 2 or not 0 <= pair[0] <= pair[1]:
        raise ValueError(
            "TensorBoard: profile_batch must be a non-negative integer or a pair of positive integers, the first and the last "
            f"batch, not {profile_batch!r}"
        )
    return pair


def _pictures(weight: Any) -> Any:
    """A weight as pictures of shape (pictures, height, width, channels); None where it cannot be seen as such."""
    from kerastorch import scope

    x = weight.squeeze()
    if x.ndim == 1:
        x = x.reshape(1, -1, 1, 1)
    elif x.ndim == 2:
        x = (x.T if x.shape[0] > x.shape[1] else x)[None, :, :, None]
    elif x.ndim == 3:
        x = (x.transpose(2, 0, 1) if scope.image_data_format() == "channels_last" else x)[..., None]
    return x if x.ndim == 4 and x.shape[-1] in COLORS else None

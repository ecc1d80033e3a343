"""Going on after an interruption."""

import json
import os
import shutil

from kerastorch.callbacks.base import Callback
from kerastorch.saving.atomic import replacing
from kerastorch.utils.seeds import random_state, restore_random_state

METADATA = "training_metadata.json"
PLACES = ("latest.weights.h5", "other.weights.h5")  # used in turn, so that no file is written that the metadata names


class BackupAndRestore(Callback):
    """Keeps the state of training in a folder, and goes on from there when `fit` is called again after an interruption.

    Weights and the optimizer's state are written first; then the metadata, which name them, the epoch and the state of random
    generators, are replaced at once. So a process that is killed at any moment leaves a state that belongs together. Training
    goes on with the first epoch that was not complete, from its beginning, and ends with the weights that it would have had
    without an interruption, provided that the data come in the same order (`set_random_seed`).

    Args:
        backup_dir: Folder for this alone; it is removed when training is complete.
        save_freq: "epoch", or after how many batches to save; False to save never.
        double_checkpoint: Whether the state before the last one is kept too, for when the last one cannot be read.
        delete_checkpoint: Whether the folder is removed when training is complete.

    Raises:
        ValueError: If `backup_dir` is empty, or `save_freq` is something else.
    """

    def __init__(self, backup_dir, save_freq="epoch", double_checkpoint=False, delete_checkpoint=True):
        super().__init__()
        if not backup_dir:
            raise ValueError("Empty `backup_dir` argument passed: BackupAndRestore needs a folder for itself")
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(
                "Invalid value for argument `save_freq`: BackupAndRestore saves each 'epoch' or every so many batches, not "
                f"{save_freq!r}"
            )
        self.backup_dir, self.save_freq = os.fspath(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._metadata = os.path.join(self.backup_dir, METADATA)
        self._epoch = 0
        self._last_batch = -1
        self._batches = 0  # since something was saved

    def on_train_begin(self, logs=None):
        """Takes up the state that an interrupted run left, if there is one.

        Raises:
            ValueError: If it does not fit the model, or cannot be read and there is none before it.
            OSError: Likewise.
        """
        if not os.path.exists(self._metadata):
            return
        before = f"{self._metadata}.bkp"
        try:
            self._restore(self._metadata)
        except (OSError, ValueError):
            if not os.path.exists(before):
                raise
            self._restore(before)

    def _restore(self, metadata):
        with open(metadata, encoding="utf-8") as file:
            state = json.load(file)
        model = self.model
        if model.optimizer is not None and not getattr(model.optimizer, "built", True):
            model.optimizer.build(model.trainable_variables)
        model.load_weights(os.path.join(self.backup_dir, _place(state)))
        self._epoch = model._initial_epoch = int(state["epoch"])
        if "random" in state:
            restore_random_state(model.backend, state["random"])
            for v, value in zip(_seeds(model), state["random"]["seeds"], strict=True):
                v.assign(value)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._last_batch = epoch, -1

    def on_train_batch_end(self, batch, logs=None):
        if self.save_freq == "epoch" or not self.save_freq:
            return
        self._batches += batch - self._last_batch  # more than one where several batches ran as one
        self._last_batch = batch
        if self._batches >= self.save_freq:
            self._batches = 0
            self._save(self._epoch, batch)

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0)

    def _save(self, epoch, batch):
        os.makedirs(self.backup_dir, exist_ok=True)
        last = None
        if os.path.exists(self._metadata):
            with open(self._metadata, encoding="utf-8") as file:
                last = json.load(file)
        there = None if last is None else _place(last)
        place = next(p for p in PLACES if p != there)
        if last is not None and self.double_checkpoint:
            self._write(f"{self._metadata}.bkp", last)  # before the weights that it named until now are overwritten
        self.model.save_weights(os.path.join(self.backup_dir, place), overwrite=True)
        random = {**random_state(self.model.backend), "seeds": [v.numpy().tolist() for v in _seeds(self.model)]}
        self._write(self._metadata, {"epoch": epoch, "batch": batch, "weights": place, "random": random})
        if last is not None and not self.double_checkpoint:
            os.unlink(os.path.join(self.backup_dir, there))

    @staticmethod
    def _write(path, state):
        with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
            json.dump(state, file)

    def on_train_end(self, logs=None):
        if self.delete_checkpoint and os.path.exists(self.backup_dir):
            shutil.rmtree(self.backup_dir)


def _seeds(model):
    """The states of the layers' own random generators."""
    weights = {id(v) for v in model.weights}
    return [v for v in model.variables if id(v) not in weights]


def _place(state):
    """The name of the weights' file that belongs to a state; Keras's own backups, which do not say, have one place only."""
    place = state.get("weights", PLACES[0])
    if place not in PLACES:
        raise ValueError(f"BackupAndRestore: {METADATA} names {place!r}, which is none of {', '.join(PLACES)}")
    return place

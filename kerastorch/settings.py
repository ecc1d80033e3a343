"""Settings of the whole process that are plain values; `config` sets them."""

import os


def _limit(variable: str) -> int | None:
    text = os.environ.get(variable)
    return int(text) if text else None


traceback_filtering = True
max_epochs: int | None = _limit("KERAS_MAX_EPOCHS")
max_steps_per_epoch: int | None = _limit("KERAS_MAX_STEPS_PER_EPOCH")

"""The values of every epoch as a table in a file."""

import csv
import os
from collections.abc import Iterable
from typing import Any

from kerastorch.callbacks.base import Callback


class CSVLogger(Callback):
    """Writes one row of values per epoch to a CSV file.

    Args:
        filename: Path of the file.
        separator: What stands between values.
        append: Whether to go on in a file that is there, rather than to begin it anew.
    """

    def __init__(self, filename, separator=",", append=False):
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.csv_file: Any = None
        self.writer: Any = None
        self.keys: list[str] = []
        self.append_header = True

    def on_train_begin(self, logs=None):
        self._close()
        self.append_header = not (self.append and os.path.exists(self.filename) and os.path.getsize(self.filename))
        self.csv_file = open(self.filename, "a" if self.append else "w", newline="")
        self.writer, self.keys = None, []

    def on_epoch_end(self, epoch, logs=None):
        logs = {} if logs is None else logs
        if self.writer is None:
            self.keys = sorted(logs)
            if not any(name.startswith("val_") for name in self.keys):  # validation may not run every epoch
                self.keys += [f"val_{name}" for name in self.keys]
            self.writer = csv.writer(self.csv_file, delimiter=self.sep)
            if self.append_header:
                self.writer.writerow(["epoch", *self.keys])
        self.writer.writerow([epoch, *(_text(logs.get(name, "NA")) for name in self.keys)])
        self.csv_file.flush()

    def on_train_end(self, logs=None):
        self._close()
        self.writer = None

    def _close(self):
        if self.csv_file is not None and not self.csv_file.closed:
            self.csv_file.close()


def _text(value):
    if isinstance(value, Iterable) and not isinstance(value, str) and getattr(value, "shape", None) != ():
        return f'"[{", ".join(map(str, value))}]"'
    return value

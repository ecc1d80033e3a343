"""Files that TensorBoard shows, written with whichever library of their format is installed."""

import importlib
import importlib.util
import os
import struct
import time
import zlib
from collections.abc import Iterable
from typing import Any

LIBRARIES = {  # where each keeps its writer of files, and the messages that stand in them
    "tensorboardX": ("tensorboardX.event_file_writer", "tensorboardX.proto"),
    "tensorboard": ("tensorboard.summary.writer.event_file_writer", "tensorboard.compat.proto"),
}
BUCKETS = 30
COLORS = {1: 0, 3: 2, 4: 6}  # the number of channels -> PNG's type of color


class EventWriter:
    """Writes to a new file in a folder.

    Args:
        folder: The folder; it is made where it does not exist.

    Raises:
        ImportError: If no library that knows the format is installed.
    """

    def __init__(self, folder: str):
        found = next((n for n in LIBRARIES if importlib.util.find_spec(n) is not None), None)
        if found is None:
            raise ImportError(f"TensorBoard needs one of the libraries {' and '.join(LIBRARIES)}: pip install tensorboardX")
        writer, messages = LIBRARIES[found]
        os.makedirs(folder, exist_ok=True)
        self.file = importlib.import_module(writer).EventFileWriter(folder)
        self.events, self.summaries, self.tensors = (
            importlib.import_module(f"{messages}.{n}_pb2") for n in ("event", "summary", "tensor")
        )

    def _add(self, step: int, **value: Any) -> None:
        summary = self.summaries.Summary(value=[self.summaries.Summary.Value(**value)])
        self.file.add_event(self.events.Event(wall_time=time.time(), step=step, summary=summary))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Adds a number."""
        self._add(step, tag=tag, simple_value=float(value))

    def histogram(self, tag: str, values: Any, step: int) -> None:
        """Adds how often the values of an array are how large."""
        import numpy as np

        values = np.asarray(values, "float64").ravel()
        counts, edges = np.histogram(values, bins=BUCKETS)
        histo = self.summaries.HistogramProto(
            min=values.min(initial=np.inf), max=values.max(initial=-np.inf), num=values.size, sum=values.sum(),
            sum_squares=np.square(values).sum(), bucket_limit=edges[1:].tolist(), bucket=counts.tolist(),
        )  # fmt: skip
        self._add(step, tag=tag, histo=histo)

    def images(self, tag: str, pictures: Iterable[Any], step: int) -> None:
        """Adds pictures: arrays of shape (height, width, channels) with numbers from 0 to 1."""
        for i, pixels in enumerate(pictures):
            height, width, channels = pixels.shape
            image = self.summaries.Summary.Image(
                height=height, width=width, colorspace=channels, encoded_image_string=png(pixels)
            )
            self._add(step, tag=f"{tag}/{i}" if i else tag, image=image)

    def keras_model(self, tag: str, description: str, step: int) -> None:
        """Adds the configuration of a model, which TensorBoard shows as a graph of layers."""
        plugin = self.summaries.SummaryMetadata.PluginData(plugin_name="graph_keras_model", content=b"1")
        text = self.tensors.TensorProto(dtype="DT_STRING", string_val=[description.encode()])
        self._add(step, tag=tag, metadata=self.summaries.SummaryMetadata(plugin_data=plugin), tensor=text)

    def flush(self) -> None:
        """Makes sure that all is in the file."""
        self.file.flush()

    def close(self) -> None:
        """Closes the file."""
        self.file.close()


def png(pixels: Any) -> bytes:
    """An array of shape (height, width, channels) with numbers from 0 to 1, encoded as a PNG."""
    import numpy as np

    height, width, channels = pixels.shape
    rows = (np.clip(pixels, 0.0, 1.0) * 255).astype("uint8")
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 8, COLORS[channels], 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part)) for name, part in parts
    )

"""`ExportArchive`, which writes TensorFlow's format and so is found in the folder of that backend."""

from kerastorch import backend_registry

ExportArchive = backend_registry.get("tensorflow").archive

"""Telling a server of each epoch."""

import json
import warnings

from kerastorch.callbacks.base import Callback


class RemoteMonitor(Callback):
    """Posts the values of each epoch, and its number as "epoch", to a server. It needs the library `requests`.

    Args:
        root: The server's URL.
        path: What follows it.
        field: Name of the form's field that has the values as JSON.
        headers: HTTP headers, a dictionary.
        send_as_json: Whether the values are the body of the request, of type application/json, in place of a form.

    Raises:
        ImportError: At the end of an epoch, if `requests` is not installed.
    """

    def __init__(
        self, root="http://localhost:9000", path="/publish/epoch/end/", field="data", headers=None, send_as_json=False
    ):
        super().__init__()
        self.root, self.path, self.field = root, path, field
        self.headers, self.send_as_json = headers, send_as_json

    def on_epoch_end(self, epoch, logs=None):
        try:
            import requests
        except ImportError as error:
            raise ImportError("RemoteMonitor requires the `requests` library: pip install requests") from error
        values = {"epoch": epoch, **{k: v.item() if hasattr(v, "item") else v for k, v in (logs or {}).items()}}
        url = self.root + self.path
        try:
            if self.send_as_json:
                requests.post(url, json=values, headers=self.headers)
            else:
                requests.post(url, {self.field: json.dumps(values)}, headers=self.headers)
        except requests.exceptions.RequestException as error:
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}: {error}", stacklevel=2)

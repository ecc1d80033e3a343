"""The toy backend's tensors."""

from typing import Any

import numpy as np


class Tensor(np.ndarray):
    """An array that knows which backend it belongs to."""

    __hash__ = object.__hash__


def tensor(x: Any) -> Tensor:
    """Anything that numpy takes, as a Tensor."""
    return np.asarray(x).view(Tensor)

"""One seed for everything that draws random numbers."""

import random

from kerastorch import backend_registry

_seed = None


def set_random_seed(seed):
    """Seeds Python's generator, numpy's and those of all backends, so that a program repeats itself.

    A backend that is loaded later is seeded at that moment.

    Args:
        seed: An integer from 0 to 2**32 - 1.

    Raises:
        ValueError: If `seed` is no such integer.
    """
    import numpy as np

    from kerastorch.random import forget_global

    global _seed
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise ValueError(f"set_random_seed: seed must be an integer from 0 to 2**32 - 1, not {seed!r}")
    _seed = int(seed)
    random.seed(_seed)
    np.random.seed(_seed)
    forget_global()
    backend_registry.seed(_seed)


def get_random_seed():
    """The seed that `set_random_seed` was given last, None where it was not called."""
    return _seed


def random_state(backend):
    """The states of Python's, numpy's and a backend's global generators as JSON-like values.

    Args:
        backend: The backend.
    """
    import numpy as np

    version, words, gauss = random.getstate()
    name, keys, *more = np.random.get_state()
    return {
        "python": [version, list(words), gauss],
        "numpy": [name, keys.tolist(), *more],
        "backend": backend.random_state(),
    }


def restore_random_state(backend, state):
    """Puts the generators into a state that `random_state` gave.

    Args:
        backend: The backend.
        state: The state.
    """
    import numpy as np

    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    np.random.set_state(tuple(state["numpy"]))
    if state["backend"] is not None:
        backend.restore_random_state(state["backend"])

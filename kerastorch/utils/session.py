"""Starting afresh in one process."""

from kerastorch import scope


def clear_session(free_memory=True) -> None:
    """Forgets the names in use, so that layers are numbered from the beginning again.

    Args:
        free_memory: Whether unreachable objects are collected now.
    """
    scope.reset_names()
    if free_memory:
        import gc

        gc.collect()

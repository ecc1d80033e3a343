"""Memory that one step frees serves the next one, where the C library would rather give it back.

A step allocates and frees the same large blocks each time. The GNU C library hands blocks of that size to the operating
system when they are freed, so that every step pays for having its pages mapped and cleared anew: up to half the time of a
recurrent network's step on a CPU.
"""

import ctypes
import functools
import os
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h
MAPPED_ALONE = (1 << 30, 32 << 20)  # bytes from which a block is mapped by itself; older libraries take 32 MiB at most
KEPT = 512 << 20  # bytes of freed memory that stay with the process


@functools.cache
def keep_freed() -> bool:
    """Tells the allocator to keep freed blocks, once per process; returns whether it did.

    An allocator that the user has set up by the environment (`MALLOC_...`, `GLIBC_TUNABLES`, a preloaded library) is left alone.
    """
    if sys.platform != "linux" or any(k.startswith(("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")) for k in os.environ):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    library.mallopt(M_TRIM_THRESHOLD, KEPT)
    library.mallopt(M_TOP_PAD, KEPT >> 3)
    return any(library.mallopt(M_MMAP_THRESHOLD, size) for size in MAPPED_ALONE)

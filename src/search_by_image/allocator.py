"""How the C library keeps memory that was freed."""

import ctypes
import os

ARENA_MAX = -8
"""glibc's M_ARENA_MAX."""
VARIABLE = "MALLOC_ARENA_MAX"


def limit_arenas(most: int) -> bool:
    """Let all threads of the process share so many of glibc's arenas; whether that was done.

    Each arena keeps what was freed in it, and glibc makes eight for each core: a service with many threads and many
    pictures would grow for hours. Nothing changes with another C library, or where MALLOC_ARENA_MAX says otherwise.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and VARIABLE not in os.environ and bool(mallopt(ARENA_MAX, most))

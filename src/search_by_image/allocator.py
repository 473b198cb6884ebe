"""How the C library keeps memory that was freed."""

import ctypes
import os

ARENA_MAX, MMAP_THRESHOLD, TRIM_THRESHOLD = -8, -3, -1
"""glibc's numbers of its parameters."""
LARGE = 4 * 2**20
"""Bytes of blocks that go back to the system when they are freed."""
VARIABLES = ("GLIBC_TUNABLES", "MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")


def keep_little(arenas: int) -> bool:
    """Let all threads share so many of glibc's arenas, and give large blocks back at once; whether that was done.

    By itself glibc makes eight arenas for each core, and each keeps what was freed in it; and once a large block was
    freed it keeps those, too, such as the index's last array whenever that has grown. Nothing changes with another C
    library, or where its environment variables say how it shall be.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name in os.environ for name in VARIABLES):
        return False
    wanted = {ARENA_MAX: arenas, MMAP_THRESHOLD: LARGE, TRIM_THRESHOLD: 2 * LARGE}
    return all(mallopt(parameter, value) for parameter, value in wanted.items())

"""Vectors as Milvus stores them, and which ids were written a moment ago."""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from search_by_image.vectors.base import Ids, Metric, Space, Vectors
from search_by_image.vectors.exact import Doubles

_FEWEST_FLOATS = 2
_BYTE = 8
DECIMALS = 6


def stored_dimension(space: Space) -> int:
    """Milvus takes bits by the byte, and two numbers at least; zeros at the end change no distance."""
    if space.metric.is_binary:
        return -(-space.dimension // _BYTE) * _BYTE
    return max(space.dimension, _FEWEST_FLOATS)


def packed(space: Space, rows: Vectors) -> list[Any]:
    if space.metric.is_binary:
        return [row.tobytes() for row in np.packbits(rows.astype(np.bool_), axis=1)]
    return list(np.pad(rows, ((0, 0), (0, stored_dimension(space) - space.dimension))))


def unpacked(space: Space, stored: Iterable[Any]) -> Vectors:
    """The counterpart of `packed`; pymilvus gives bits as bytes or as a list with bytes in it."""
    if space.metric.is_binary:
        joined = b"".join(part if isinstance(part, bytes) else b"".join(part) for part in stored)
        bits = np.unpackbits(np.frombuffer(joined, np.uint8)).reshape(-1, stored_dimension(space))
        return bits[:, : space.dimension].astype(np.float32)
    numbers = np.array(list(stored), np.float32).reshape(-1, stored_dimension(space))
    return np.ascontiguousarray(numbers[:, : space.dimension])


def parcels(sizes: Iterable[int], most: int) -> Iterator[slice]:
    """Ranges of neighbours of at most so many bytes together; what is larger alone goes alone."""
    start = end = total = 0
    for end, size in enumerate(sizes, 1):
        total += size
        if total > most and end - start > 1:
            yield slice(start, end - 1)
            start, total = end - 1, size
    if end > start:
        yield slice(start, end)


def told_distances(metric: Metric, told: Sequence[float]) -> Doubles:
    """Ours from Milvus's, which are squares for L2 and products else, in float32: to a millionth, equal ones equal."""
    numbers: Doubles = np.asarray(told, np.float64)
    if metric is Metric.L2:
        far: Doubles = np.sqrt(np.maximum(numbers, 0.0))
    else:
        far = 1.0 - (np.minimum(numbers, 1.0) if metric is Metric.COSINE else numbers)
    return far.round(DECIMALS)


class Touched:
    """Ids that this process wrote or removed within the last `memory` seconds, of which a search may not know yet."""

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self._lock = threading.Lock()
        self._ids: OrderedDict[int, tuple[float, bool]] = OrderedDict()

    def note(self, ids: Ids, *, present: bool) -> None:
        now = time.monotonic()
        with self._lock:
            for number in ids.tolist():
                self._ids[number] = (now, present)
                self._ids.move_to_end(number)
            while self._ids and next(iter(self._ids.values()))[0] < now - self._memory:
                self._ids.popitem(last=False)

    def known(self, ids: Ids) -> dict[int, bool]:
        with self._lock:
            return {number: self._ids[number][1] for number in ids.tolist() if number in self._ids}

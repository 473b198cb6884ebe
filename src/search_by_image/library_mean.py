"""What all vectors of a library have in common: their mean."""

from collections.abc import Callable

import numpy as np

from search_by_image.errors import InvalidInputError, UnknownNameError, VectorMismatchError
from search_by_image.pairs import serving_of
from search_by_image.records.base import RecordStore, SpaceRecord
from search_by_image.vectors.base import Metric, Vector, batches

BATCH = 1000


def mean_vector(
    records: RecordStore, pipeline: str, collection: str = "", on_progress: Callable[[int, int], None] = lambda *_: None
) -> tuple[Vector, int]:
    """The mean of the vectors that the pipeline made, float32, shape (dimension,), and of how many it is.

    `collection` '': of all collections. Raises `UnknownNameError` where the pipeline has made none, `InvalidInputError`
    when they are gone or binary, `VectorMismatchError` when they are of different fingerprints.
    """
    spaces = _spaces(records, pipeline, collection)
    found = [(space.name, records.ids(space.name)) for space in spaces]
    total = sum(len(ids) for _, ids in found)
    sums, count = np.zeros(spaces[0].dimension, np.float64), 0
    for name, ids in found:
        for part in batches(ids, BATCH):
            _, vectors = records.vectors(name, part)
            sums += vectors.sum(axis=0, dtype=np.float64)
            count += len(vectors)
            on_progress(count, total)
    if not count:
        raise InvalidInputError(f"The library has no vectors of pipeline {pipeline!r}. Import pictures with it first.")
    return (sums / count).astype(np.float32), count


def _spaces(records: RecordStore, pipeline: str, collection: str) -> list[SpaceRecord]:
    known = serving_of(records.spaces())
    chosen = [one for one in known if one.pipeline == pipeline and collection in {"", one.collection}]
    if not chosen:
        raise UnknownNameError("collection of this pipeline", collection or pipeline, {one.collection for one in known})
    if any(Metric(one.metric).is_binary for one in chosen):
        raise InvalidInputError(f"The vectors of pipeline {pipeline!r} are of 0 and 1: a mean of them is of no use.")
    if len({one.fingerprint for one in chosen}) > 1:
        raise VectorMismatchError(
            f"The collections of pipeline {pipeline!r} were made with different models or settings. Name one of them: "
            "--collection NAME."
        )
    return chosen

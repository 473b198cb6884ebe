"""Items in batches that are written at once."""

from collections.abc import Callable, Iterable, Iterator

from search_by_image.jobs.items import Item, Read

HELD_BYTES = 64 * 2**20
"""What the items of a batch may keep in memory together; one item alone may be more."""

Batch = list[Read]


def batches(items: Iterable[Read], most: Callable[[], int]) -> Iterator[Batch]:
    """In order; `most`: how many items the batch that begins may have. No picture is twice in a batch."""
    batch: Batch = []
    room, held, keys = most(), 0, set[str]()
    for item in items:
        key, size = (item.key, item.held_bytes) if isinstance(item, Item) else ("", 0)
        if batch and (len(batch) >= room or held + size > HELD_BYTES or (key and key in keys)):
            yield batch
            batch, room, held, keys = [], most(), 0, set()
        batch.append(item)
        held += size
        keys.add(key)
    if batch:
        yield batch

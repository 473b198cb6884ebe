"""One record in the place of another under the caller's key, in MongoDB, with or without transactions.

A row that has its key also has a `slot`, unique among all rows. Of a publication that replaces a row, the one write
that decides is the one to the row replaced: it is hidden, and says by which row. Whatever stops after that is
completed before the replaced row is deleted.
"""

import json
from collections.abc import Iterable
from contextlib import suppress

from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from search_by_image.errors import StoreError
from search_by_image.records.base import Publication, State, key_taken, no_longer_staged
from search_by_image.records.mongodb_client import Row

VISIBLE = {"$in": [State.PENDING.value, State.READY.value]}
NOT_HIDDEN = {"$ne": State.REMOVING.value}
"""Updates of rows that were visible, and so are not staged, ask with it: nx-27017 updates none by `$in` of an index."""


def slot_of(collection: str, key: str) -> str:
    return json.dumps([collection, key], ensure_ascii=False)


def publish(images: Collection[Row], wanted: Publication) -> None:
    """Raises `KeyTakenError`, `StoreError`; see `RecordStore.publish`."""
    if images.find_one({"_id": wanted.id, "state": State.STAGED.value}, {"_id": 1}) is None:
        raise no_longer_staged()
    if wanted.replaces is not None:
        _hide(images, wanted)
    _show(images, wanted)


def give_up(images: Collection[Row], id_: int) -> None:
    """Hide a staged row, unless its publication is decided: then complete it."""
    replaced = {"state": State.REMOVING.value, "replaced_by": id_}
    if images.find_one(replaced, {"_id": 1}) is None:
        images.update_one({"_id": id_, "state": State.STAGED.value}, {"$set": {"state": State.REMOVING.value}})
    else:
        _complete(images, id_)


def complete_those_that_replace(images: Collection[Row], among: Row) -> None:
    """To be done before the rows replaced, `among` which they are, are deleted."""
    replaced = {"_id": among, "state": State.REMOVING.value, "replaced_by": {"$exists": True}}
    for row in images.find(replaced, {"replaced_by": 1}):
        _complete(images, row["replaced_by"])


def slots_of(collection: str, keys: Iterable[str]) -> Row:
    return {"$in": [slot_of(collection, key) for key in keys]}


def _hide(images: Collection[Row], wanted: Publication) -> None:
    replaced = {"_id": wanted.replaces, "collection": wanted.collection}
    if images.find_one(replaced | {"state": VISIBLE}, {"_id": 1}) is None:
        raise key_taken(wanted)
    hidden = images.update_one(
        replaced | {"state": NOT_HIDDEN},
        {"$set": {"state": State.REMOVING.value, "replaced_by": wanted.id}, "$unset": {"slot": ""}},
    )
    if hidden.matched_count != 1:
        raise key_taken(wanted)


def _show(images: Collection[Row], wanted: Publication) -> None:
    shown = {"state": State.READY.value, "key": wanted.key, "slot": slot_of(wanted.collection, wanted.key)}
    try:
        published = images.update_one({"_id": wanted.id, "state": State.STAGED.value}, {"$set": shown})
    except DuplicateKeyError as error:
        raise key_taken(wanted) from error
    if published.matched_count != 1 and wanted.replaces is None:
        raise no_longer_staged()


def _complete(images: Collection[Row], id_: int) -> None:
    """As `_show`; a row that took the key meanwhile came later and stays."""
    row = images.find_one({"_id": id_, "state": State.STAGED.value}, {"collection": 1, "key": 1})
    if row is not None:
        with suppress(StoreError):
            _show(images, Publication(id_, row["collection"], row["key"]))

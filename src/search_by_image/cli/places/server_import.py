"""A running service as the destination of a folder import."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search_by_image.client import Client
from search_by_image.client.bulk import ENDS_ALL
from search_by_image.documents import check_key
from search_by_image.errors import InvalidInputError, SearchByImageError
from search_by_image.folder_import import Source, Tally
from search_by_image.images import ImageLimits


@dataclass(frozen=True, slots=True)
class IntoServer:
    """A picture's id is the `id` of its document, where that can be one, else the SHA-256 of its bytes.

    One that is there under its id, with the same bytes, is skipped; so are the same bytes met again in one run.
    """

    client: Client
    pipeline: str
    default_collection: str
    limits: ImageLimits

    def take(self, sources: Sequence[Source], tally: Tally) -> None:
        for source in sources:
            try:
                self._import(source, tally)
            except ENDS_ALL:
                raise
            except SearchByImageError as error:
                tally.fail(source.path, error)
                tally.forget(source.sha256, source.collection)

    def _import(self, source: Source, tally: Tally) -> None:
        collection = source.collection or self.default_collection
        key = _key(source.document) or source.sha256.hex()
        if not tally.first_of_its_kind(source.sha256, source.collection) or self._has(collection, key, source):
            tally.skip()
            return
        self.client.put_image(collection, key, source.data, source.document, pipeline=self.pipeline)
        tally.add(1)

    def _has(self, collection: str, key: str, source: Source) -> bool:
        held = self.client.find_image(collection, key)
        return held is not None and (held.sha256, held.pipeline) == (source.sha256.hex(), self.pipeline)


def _key(document: Mapping[str, Any]) -> str | None:
    own = document.get("id")
    if isinstance(own, bool) or not isinstance(own, str | int):
        return None
    try:
        return check_key(str(own))
    except InvalidInputError:
        return None

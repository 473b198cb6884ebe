"""One picture of an upload: what is said of it, and how its bytes are got."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Protocol, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from search_by_image.documents import check_key
from search_by_image.errors import InvalidInputError, SearchByImageError
from search_by_image.fetch import UrlFetcher, decode_base64
from search_by_image.jobs.item_errors import ItemError


@dataclass(frozen=True, slots=True)
class Item:
    """`number`: its place in the upload, from 1; `key`: the picture's id; `held_bytes`: what it keeps in memory.

    `load` answers with the picture's bytes, or raises a `SearchByImageError`.
    """

    number: int
    key: str
    document: Mapping[str, Any]
    load: Callable[[], bytes]
    held_bytes: int = 0


Read = Item | ItemError


class Source(Protocol):
    """An upload that is open for reading."""

    def count(self) -> int:
        """How many items there are. Raises `InvalidInputError` for an upload that cannot be used at all."""
        ...

    def items(self, start: int) -> Iterator[Read]:
        """Those after the first `start`, in their order, each with its number; one that cannot be used as an error."""
        ...


OpenSource = AbstractContextManager[Source]


def _text_of(value: object) -> object:
    return str(value) if type(value) is int else value


class ImportItem(BaseModel):
    """One picture: its `id`, one of `url` and `base64`, its document."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str | None, BeforeValidator(_text_of)] = Field(
        None, description="Your own id; none: one is made from the job's id and the item's number", examples=["cat-1"]
    )
    url: str | None = Field(None, examples=["https://example.com/cat.jpg"])
    base64: str | None = Field(None, description="The picture's bytes in Base64")
    document: dict[str, Any] = Field(default_factory=dict, examples=[{"kind": "cat"}])

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.base64 is None) == (self.url is None):
            raise ValueError("Give either base64 or url.")
        return self


@dataclass(frozen=True, slots=True)
class ItemMaker:
    """Items of one job; `max_bytes`: of a picture."""

    job_id: str
    fetcher: UrlFetcher
    max_bytes: int

    def make(self, number: int, given: object, *, held_bytes: int = 0) -> Read:
        try:
            item = _validated(given)
            key = check_key(item.id) if item.id is not None else f"{self.job_id}-{number}"
        except SearchByImageError as error:
            return ItemError.of(number, _id_in(given), error)
        return Item(number, key, item.document, self._loader(item), held_bytes)

    def _loader(self, item: ImportItem) -> Callable[[], bytes]:
        if item.url is not None:
            return partial(self.fetcher.fetch, item.url)
        return partial(decode_base64, item.base64 or "", self.max_bytes)


def _validated(given: object) -> ImportItem:
    try:
        return ImportItem.model_validate(given)
    except ValidationError as error:
        told = (f"{'.'.join(map(str, found['loc'])) or 'item'}: {found['msg']}" for found in error.errors())
        raise InvalidInputError("; ".join(told)) from error


def _id_in(given: object) -> str:
    return str(given.get("id") or "") if isinstance(given, Mapping) else ""

"""What the routes work with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from search_by_image.api.callers import Caller, requires
from search_by_image.api.v1.schemas import ExampleSource, PictureSource
from search_by_image.errors import InvalidInputError
from search_by_image.fetch import UrlFetcher, decode_base64
from search_by_image.filters import Filter, parse_filter
from search_by_image.keys import Scope
from search_by_image.library import Library
from search_by_image.regions import Box
from search_by_image.similar import Example, PictureExample, StoredExample, TextExample

Reader = Annotated[Caller, requires(Scope.READ)]
Writer = Annotated[Caller, requires(Scope.WRITE)]
Admin = Annotated[Caller, requires(Scope.ADMIN)]
NO_PICTURE = "No picture was given: send `image` with base64 or url, or a form with a `file`."
NOTHING = f"{NO_PICTURE} To search by words send `text`."


@dataclass(frozen=True, slots=True)
class Service:
    """`page_size_max`: images on a page; `document_bytes`: of a document; `filter_conditions`: of a filter."""

    library: Library
    fetcher: UrlFetcher
    page_size_max: int
    document_bytes: int
    filter_conditions: int

    @property
    def max_bytes(self) -> int:
        return self.library.extractor.limits.max_bytes

    def picture(self, source: PictureSource | ExampleSource | None, files: Sequence[bytes]) -> bytes:
        """The one picture of a call. Raises `InvalidInputError` when there is none, or a second one."""
        if len(files) + (source is not None) != 1:
            raise InvalidInputError(NO_PICTURE if not files else "Give one picture: a `file`, or `image`.")
        return files[0] if source is None else self.bytes_of(source)

    def bytes_of(self, source: PictureSource | ExampleSource) -> bytes:
        if source.url is not None:
            return self.fetcher.fetch(source.url)
        return decode_base64(source.base64 or "", self.max_bytes)

    def example(self, caller: Caller, source: ExampleSource, collection: str) -> Example:
        """`collection`: where a stored picture is, unless the source says so itself."""
        if source.id is not None:
            caller.check(home := source.collection or collection)
            return StoredExample(home, source.id, source.weight)
        if source.text is not None:
            return TextExample(source.text, source.weight)
        box = None if source.box is None else Box(*source.box)
        return PictureExample(self.bytes_of(source), box, source.weight)

    def condition(self, raw: object) -> Filter | None:
        return None if raw is None else parse_filter(raw, max_conditions=self.filter_conditions)

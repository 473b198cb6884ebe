"""The library of a running service."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_by_image.api.v1.schemas import Image, Info
from search_by_image.cli.places.base import Folder, Listed, Matches, Query, Similar, Wanted
from search_by_image.client import Client
from search_by_image.client.pictures import Given, Text, is_url
from search_by_image.errors import UnknownNameError

if TYPE_CHECKING:
    from search_by_image.folder_import import ImportSummary, Progress
    from search_by_image.images import ImageLimits

THREADS = 4
BATCH = 8


class ServerPlace:
    """`url` is shown in questions and facts."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url

    @property
    def where(self) -> str:
        return f" at {self._url}"

    def import_folder(self, folder: Folder, on_progress: "Callable[[Progress], None]") -> "ImportSummary":
        from search_by_image.cli.places.server_import import IntoServer
        from search_by_image.folder_import import FolderImport

        job = FolderImport(
            IntoServer(self._client, self._pipeline(folder.pipeline), self._info.default_collection, self._limits),
            collection=folder.collection,
            encoding=folder.encoding,
            threads=THREADS,
            batch=BATCH,
            report=folder.report,
            on_progress=on_progress,
        )
        return job.run(folder.path)

    def search(self, picture: str | None, query: Query) -> Matches:
        name = self._pipeline(query.pipeline)
        found = self._client.search(
            self._examples(picture, query.text),
            query.collection or self._info.default_collection,
            pipeline=name,
            limit=query.top_k,
            min_score=query.min_score,
            filter=query.where,
        )
        return Matches(
            name,
            [
                Similar(int(match.version), match.collection, match.document, match.score, match.distance)
                for match in found.matches
            ],
        )

    def count(self, wanted: Wanted) -> int:
        pages = (
            self._client.page(name, filter=wanted.where, limit=1, count=True) for name in self._collections(wanted)
        )
        return sum(page.count or 0 for page in pages)

    def page(self, wanted: Wanted, *, number: int, size: int) -> list[Listed]:
        start = (number - 1) * size
        images = islice(self._images(wanted, at_once=start + size), start, start + size if size else None)
        return [_listed(image) for image in images]

    def remove(self, wanted: Wanted) -> list[Listed]:
        where, removed = wanted.where, list[Image]()
        for name in self._collections(wanted):
            answer = self._client.delete_images(name, where or {}, all=where is None, return_images=True)
            removed += answer.images or ()
        return [_listed(image) for image in sorted(removed, key=_age)]

    def clear(self) -> None:
        for name in self._collections(Wanted()):
            self._client.drop_collection(name, confirm=name)
            self._client.create_collection(name)

    def facts(self) -> dict[str, Any]:
        info = self._info
        counts = {one.name: one.count for one in info.collections}
        return {
            "version": info.version,
            "server": self._url,
            "settings_file": None,
            "settings": {},
            "pipelines": [pipeline.name for pipeline in info.pipelines],
            "default_collection": info.default_collection,
            "collections": counts,
            "images": sum(counts.values()),
            "models": {
                f"{one.name} ({space.pipeline})": space.model
                for one in self._client.collections().collections
                for space in one.spaces
                if space.model
            },
        }

    @cached_property
    def _info(self) -> Info:
        return self._client.info()

    @property
    def _limits(self) -> "ImageLimits":
        from search_by_image.images import ImageLimits

        return ImageLimits(max_bytes=self._info.limits.max_upload_bytes)

    def _pipeline(self, asked: str) -> str:
        """Raises `UnknownNameError`."""
        known = [pipeline.name for pipeline in self._info.pipelines]
        if asked and asked not in known:
            raise UnknownNameError("pipeline", asked, known)
        return asked or next(iter(known), "")

    def _examples(self, picture: str | None, text: str | None) -> list[Given]:
        by_picture: list[Given] = [] if picture is None else [picture if is_url(picture) else self._read(picture)]
        return by_picture if text is None else [*by_picture, Text(text)]

    def _read(self, picture: str) -> bytes:
        from search_by_image.images import read_limited

        return read_limited(Path(picture), self._limits)

    def _collections(self, wanted: Wanted) -> list[str]:
        return [wanted.collection] if wanted.collection else [one.name for one in self._info.collections]

    def _images(self, wanted: Wanted, *, at_once: int) -> Iterator[Image]:
        """Of several collections together, in the order of their age."""
        most = self._info.limits.page_size_max
        limit = min(at_once, most) or most
        parts: Iterable[Iterator[Image]] = (
            self._client.images(name, filter=wanted.where, limit=limit) for name in self._collections(wanted)
        )
        return merge(*parts, key=_age)


def _age(image: Image) -> int:
    return int(image.version)


def _listed(image: Image) -> Listed:
    return Listed(_age(image), image.collection, image.document)

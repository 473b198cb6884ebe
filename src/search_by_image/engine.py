"""The engine in the contract's words: dictionaries in and out. The typed form beneath it is `engine.library`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from search_by_image.documents import SCALARS
from search_by_image.embedding import Admit
from search_by_image.errors import InvalidInputError
from search_by_image.filters import In
from search_by_image.folder_import import FolderImport, ImportSummary, Progress
from search_by_image.library import Library, admit_all
from search_by_image.library_import import IntoLibrary
from search_by_image.maintenance import Maintenance
from search_by_image.pictures import Hit
from search_by_image.records.base import Match, Stored

Scalar = str | int | float | bool | None


class SearchEngine:
    """`threads`: how many work on a folder import; `batch`: how many pictures each writes at once."""

    def __init__(
        self, library: Library, *, maintenance: Maintenance | None = None, threads: int = 2, batch: int = 32
    ) -> None:
        self.library = library
        self._maintenance = maintenance
        self._threads = threads
        self._batch = batch

    def search(
        self, image_data: bytes, pipeline: str, init_collection: str = "", *, admit: Admit = admit_all
    ) -> list[dict[str, Any]]:
        """The nearest documents, nearest first, each with `ids`, `score` (0..1), `distance` and `collection`.

        `admit` hears the collection, which the pipeline may have chosen, and may refuse it.
        """
        return [hit_document(hit) for hit in self.library.search(image_data, pipeline, init_collection, admit=admit)]

    def image_to_search_db(
        self,
        image_data: bytes,
        image_doc: Mapping[str, Any],
        pipeline: str,
        init_collection: str = "",
        *,
        admit: Admit = admit_all,
    ) -> tuple[int, str]:
        """Import one picture; answers with its id and collection. `admit`: as in `search`."""
        added = self.library.add(image_data, image_doc, pipeline, init_collection, admit=admit)
        return added.id, added.collection

    def import_images(
        self,
        path: str | Path,
        pipeline: str,
        encoding: str = "utf-8",
        *,
        collection: str = "",
        report: str | Path | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> ImportSummary:
        """Import a folder tree; a `.json` beside a picture is its document, and may hold `collection`.

        Pictures whose bytes are there already are skipped. `report`: where failed files are listed as JSON Lines.
        """
        job = FolderImport(
            IntoLibrary(self.library, pipeline),
            collection=collection,
            encoding=encoding,
            threads=self._threads,
            batch=self._batch,
            report=Path(report) if report else None,
            on_progress=on_progress,
        )
        return job.run(Path(path))

    def get_images(
        self,
        field_name: str | None,
        field_values: Scalar | Sequence[Scalar] = None,
        collection: str = "",
        page_size: int = 15,
        page_num: int = 1,
    ) -> list[dict[str, Any]]:
        """Documents, oldest first, each with `collection`.

        A sequence of values means any of them; `field_name` None: all; `page_size` 0: no paging; `collection` '': all.
        """
        if page_size < 0 or page_num < 1:
            raise InvalidInputError(f"page_size must be 0 or more and page_num 1 or more, not {page_size}, {page_num}.")
        found = self.library.numbered_page(
            match_of(field_name, field_values, collection), number=page_num, size=page_size
        )
        return [stored_document(stored) for stored in found]

    def remove_images(
        self, field_name: str, field_values: Scalar | Sequence[Scalar], collection: str = ""
    ) -> list[dict[str, Any]]:
        """Remove the matching pictures from both stores; answers with their documents."""
        if not field_name:
            raise InvalidInputError(
                "Name the field whose values say what to remove; clear_search_db removes everything."
            )
        removed = self.library.remove(match_of(field_name, field_values, collection))
        return [stored_document(stored) for stored in removed]

    def clear_search_db(self) -> None:
        """Empty both stores and create the configured collections anew."""
        self.library.clear()

    def close(self) -> None:
        if self._maintenance is None:
            self.library.close()
        else:
            self._maintenance.stop()
            self.library.close()
            self._maintenance.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def match_of(field_name: str | None, field_values: Scalar | Sequence[Scalar], collection: str) -> Match:
    """The contract's three arguments as one condition."""
    if not field_name:
        return Match(collection=collection or None)
    values = (field_values,) if isinstance(field_values, SCALARS) else tuple(field_values)
    return Match(In(field_name, values), collection or None)


def stored_document(stored: Stored) -> dict[str, Any]:
    return {**stored.document, "collection": stored.collection}


def hit_document(hit: Hit) -> dict[str, Any]:
    found = {"ids": hit.id, "score": hit.score, "distance": hit.distance, "collection": hit.collection}
    return {**hit.document, **found}

"""Where a recorded picture's bytes can be had again: from its document, or from a plug-in."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from search_by_image.documents import value_at
from search_by_image.errors import ImageError, InvalidInputError, NotFoundError, PluginError, SearchByImageError
from search_by_image.images import ImageLimits, read_limited

PictureSource = Callable[[Mapping[str, Any]], bytes]
"""From a picture's document to its bytes. Any error is of that picture alone."""
ENTRY_POINTS = "search_by_image.picture_sources"


@dataclass(frozen=True, slots=True)
class DocumentSource:
    """Reads the file that the document names, below one of `folders`; else fetches its URL.

    `path_field` and `url_field`: where documents have them, as dotted paths. `base_url`: what relative URLs are below.
    """

    folders: Sequence[Path]
    limits: ImageLimits
    fetch: Callable[[str], bytes]
    base_url: str = ""
    path_field: str = "path"
    url_field: str = "url"

    def __call__(self, document: Mapping[str, Any]) -> bytes:
        """Raises `InvalidInputError` for a document that leads to no picture, `FetchError`, `ImageError`."""
        path, url = (_text_at(document, field) for field in (self.path_field, self.url_field))
        file = self._file(path) if path else None
        if file is not None:
            return read_limited(file, self.limits)
        if url:
            return self.fetch(self._absolute(url))
        raise self._nowhere(path)

    def _file(self, path: str) -> Path | None:
        """The first that is there; one outside of its folder, by `..` or a link, never is."""
        for folder in self.folders:
            root = folder.resolve()
            try:
                file = (root / path).resolve()
                if file.is_relative_to(root) and file.is_file():
                    return file
            except (OSError, RuntimeError, ValueError) as error:
                raise ImageError(f"The file {path!r} cannot be read: {error}.") from error
        return None

    def _absolute(self, url: str) -> str:
        try:
            if urlsplit(url).scheme:
                return url
            if self.base_url:
                return urljoin(self.base_url, url)
        except ValueError as error:
            raise InvalidInputError(f"The URL {url!r} is none: {error}.") from error
        raise InvalidInputError(f"The URL {url!r} is relative. Say what it is below: --base-url https://...")

    def _nowhere(self, path: str) -> SearchByImageError:
        if path and self.folders:
            return NotFoundError("file", path, ", ".join(str(folder) for folder in self.folders))
        if path:
            return InvalidInputError(f"The document names the file {path!r}. Say which folder it is in: --folder ...")
        return InvalidInputError(
            f"The document has neither {self.path_field!r} nor {self.url_field!r}. Name the fields that say where the "
            "picture is (--path-field, --url-field), or give a plug-in that knows (--source)."
        )


def plugged_in(name: str) -> PictureSource:
    """That of an installed package's entry point, or `module:function`; what it raises becomes a `PluginError`.

    Raises `PluginError` when there is none.
    """
    source = _loaded(name)
    if not callable(source):
        raise PluginError(f"The picture source {name!r} is {type(source).__name__}, not a function of a document.")

    def read(document: Mapping[str, Any]) -> bytes:
        try:
            found = source(document)
        except SearchByImageError:
            raise
        except Exception as error:
            raise PluginError(f"The picture source {name!r} failed: {type(error).__name__}: {error}.") from error
        if not isinstance(found, bytes):
            raise PluginError(f"The picture source {name!r} answered {type(found).__name__}; let it answer bytes.")
        return found

    return read


def _loaded(name: str) -> object:
    points = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    module, _, attribute = name.partition(":")
    try:
        if name in points:
            return points[name].load()
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        known = ", ".join(sorted(points)) or "none"
        raise PluginError(
            f"There is no picture source {name!r}: {error}. Give module:function, or the name of an installed one "
            f"({known})."
        ) from error


def _text_at(document: Mapping[str, Any], field: str) -> str:
    found = value_at(document, field)
    return found if isinstance(found, str) else ""

"""Pictures of the user's own: a folder's name is the kind of what is in it, and links lead nowhere else."""

from pathlib import Path, PurePosixPath
from typing import Any

from search_by_image.demo.photos import photo_url
from search_by_image.errors import InvalidInputError
from search_by_image.folder_import import printable, side_document


def own_document(file: Path, root: Path, encoding: str) -> dict[str, Any]:
    """The picture's document with its `kind` and the `url` at which the demo serves it."""
    if not file.resolve().is_relative_to(root.resolve()):
        raise InvalidInputError(f"{str(file)!r} is a link to a file outside of the folder.")
    url = photo_url(PurePosixPath(file.relative_to(root)))
    return {"kind": printable(file.parent.name), **side_document(file, root, encoding), "url": url}

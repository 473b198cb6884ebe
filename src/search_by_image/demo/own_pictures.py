"""Pictures of the user's own: a folder's name is the kind of what is in it, and links lead nowhere else."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from search_by_image.demo.photos import photo_url
from search_by_image.errors import InvalidInputError
from search_by_image.folder_import import FolderImport, _Source, _Tally


class OwnPictures(FolderImport):
    """An import whose documents tell the `kind` and the `url` at which the demo serves the picture."""

    def _read(self, root: Path, file: Path, tally: _Tally) -> _Source | None:
        if not file.resolve().is_relative_to(root.resolve()):
            tally.fail(file, InvalidInputError(f"{str(file)!r} is a link to a file outside of the folder."))
            return None
        source = super()._read(root, file, tally)
        url = photo_url(PurePosixPath(file.relative_to(root)))
        return source and replace(source, document={"kind": file.parent.name, **source.document, "url": url})

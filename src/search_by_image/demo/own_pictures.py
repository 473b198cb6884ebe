"""Pictures of the user's own: a folder's names are the kinds, and links lead nowhere else."""

from pathlib import Path, PurePosixPath

from search_by_image.demo.photos import photo_url
from search_by_image.errors import InvalidInputError
from search_by_image.folder_import import FolderImport, side_document


class OwnPictures(FolderImport):
    """An import whose documents tell the kind, which is the folder's name, and where the demo serves the picture."""

    def document(self, file: Path, root: Path) -> dict[str, object]:
        """Raises `InvalidInputError` for a link to a file outside of `root`, which is not served."""
        if not file.resolve().is_relative_to(root.resolve()):
            raise InvalidInputError(f"{str(file)!r} is a link to a file outside of the folder.")
        url = photo_url(PurePosixPath(file.relative_to(root)))
        kind = file.absolute().parent.name
        return {"kind": kind, **side_document(file, root, self.encoding), "url": url}

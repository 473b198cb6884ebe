"""Pictures of which it is known what belongs together: a folder a label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from search_by_image.errors import InvalidInputError
from search_by_image.folder_import import picture_files, printable

FEWEST = 2


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not part of the measurement, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class PictureSet:
    """`labels`: one for each file; pictures of equal labels belong together. `root`: what paths are shown from.

    `different`: pairs, by their places in `files`, that are known to differ; None: all pairs of unequal labels do.
    """

    root: Path
    files: tuple[Path, ...]
    labels: tuple[str, ...]
    different: tuple[tuple[int, int], ...] | None = None
    skipped: tuple[Skipped, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(shown(file, self.root) for file in self.files)

    def without(self, unusable: Mapping[int, Exception]) -> "PictureSet":
        """`unusable`: why, by their places. Raises `InvalidInputError` when fewer than two pictures are left."""
        kept = [place for place in range(len(self.files)) if place not in unusable]
        more = tuple(Skipped(shown(self.files[place], self.root), str(why)) for place, why in unusable.items())
        skipped = self.skipped + more
        check_size(self.root, len(kept), skipped)
        files, labels = tuple(self.files[place] for place in kept), tuple(self.labels[place] for place in kept)
        return PictureSet(self.root, files, labels, _moved(self.different, kept), skipped)


def labelled_folder(folder: Path) -> PictureSet:
    """`folder/<label>/...`: the first folder below `folder` is the label of every picture in it, at any depth.

    Hidden files, and pictures outside of any such folder, are skipped. Raises `InvalidInputError` for a path that is
    no folder, or one with fewer than two pictures.
    """
    if not folder.is_dir():
        raise InvalidInputError(f"{str(folder)!r} is neither a folder nor a .csv file. Give FOLDER/<label>/*.jpg.")
    found = picture_files(folder)
    skipped = {file: reason for file in found if (reason := _unlabelled(file.relative_to(folder).parts))}
    files = tuple(file for file in found if file not in skipped)
    told = tuple(Skipped(shown(file, folder), reason) for file, reason in skipped.items())
    check_size(folder, len(files), told)
    return PictureSet(
        folder, files, tuple(printable(file.relative_to(folder).parts[0]) for file in files), skipped=told
    )


def check_size(root: Path, count: int, skipped: Sequence[Skipped] = ()) -> None:
    """Raises `InvalidInputError` for fewer than two pictures."""
    if count >= FEWEST:
        return
    why = f" {len(skipped)} skipped, such as {skipped[-1].path}: {skipped[-1].reason}" if skipped else ""
    raise InvalidInputError(
        f"{str(root)!r} has {count} usable picture{'' if count == 1 else 's'}, and at least {FEWEST} are needed: "
        f"FOLDER/<label>/*.jpg, or a .csv of pairs.{why}"
    )


def shown(file: Path, root: Path) -> str:
    """Its path below `root`; the whole path where it is elsewhere."""
    return printable(file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file))


def _unlabelled(parts: Sequence[str]) -> str:
    """Why a file has no label; '' when it has one."""
    if any(part.startswith(".") for part in parts):
        return "hidden"
    return "" if len(parts) > 1 else "in no label's folder"


def _moved(pairs: Sequence[tuple[int, int]] | None, kept: Sequence[int]) -> tuple[tuple[int, int], ...] | None:
    if pairs is None:
        return None
    places = {place: number for number, place in enumerate(kept)}
    return tuple((places[one], places[other]) for one, other in pairs if one in places and other in places)

"""A folder of labelled pictures -> those to train on and those held out, the same for the same seed."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from search_by_image.errors import ImageError, InvalidInputError
from search_by_image.folder_import import printable
from search_by_image.images import ImageLimits, open_rgb, read_limited
from search_by_image.quality.sets import PictureSet, labelled_folder, shown

FEWEST_TO_SPLIT = 4
FEWEST_HELD_OUT = 2
"""One alone has nothing of its class to be found."""
FEWEST_CLASSES = 2
Show = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Split:
    """Paths below `root`, with '/', each with its class's number."""

    root: Path
    classes: tuple[str, ...]
    training: tuple[tuple[str, int], ...]
    held_out: tuple[tuple[str, int], ...]


def split_folder(
    folder: Path, held_out: float, seed: int, limits: ImageLimits, show: Show = lambda *_: None
) -> tuple[Split, Mapping[str, str]]:
    """Also why a picture is left out, by its path: every file is opened once, of equal ones the first is taken.

    Of each class the share `held_out` is, at least two pictures and at most all but two; none where it has less than
    four. Raises `InvalidInputError` when fewer than two classes are left, or less than two can be held out of.
    """
    found = labelled_folder(folder.absolute())
    faults = dict(_faults(found, limits, show))
    usable = found.without(faults)
    split = _split(usable, held_out, seed)
    _check(split)
    return split, {skipped.path: skipped.reason for skipped in usable.skipped}


def _faults(found: PictureSet, limits: ImageLimits, show: Show) -> Iterator[tuple[int, InvalidInputError]]:
    """What cannot be opened or kept, and what is there already: held out, it would have been learned from too."""
    first: dict[bytes, Path] = {}
    with ThreadPoolExecutor() as workers:
        for place, looked in enumerate(workers.map(partial(_looked_at, limits=limits), found.files)):
            show(place + 1, len(found.files))
            if isinstance(looked, InvalidInputError):
                yield place, looked
            elif (same := first.setdefault(looked, found.files[place])) != found.files[place]:
                yield place, InvalidInputError(f"the same picture as {shown(same, found.root)}")


def _looked_at(file: Path, limits: ImageLimits) -> bytes | InvalidInputError:
    """The SHA-256 of its bytes, or why it is not used."""
    if printable(str(file)) != str(file):
        return InvalidInputError("its path is not UTF-8, in which the run's folder keeps it; rename it")
    try:
        data = read_limited(file, limits)
        open_rgb(data, limits, at_least=64)
    except ImageError as error:
        return error
    return hashlib.sha256(data).digest()


def _split(found: PictureSet, share: float, seed: int) -> Split:
    groups: dict[str, list[Path]] = defaultdict(list)
    for file, label in zip(found.files, found.labels, strict=True):
        groups[label].append(file)
    classes = tuple(sorted(groups))
    drawn = np.random.default_rng(seed)
    training: list[tuple[str, int]] = []
    held_out: list[tuple[str, int]] = []
    for number, name in enumerate(classes):
        rows = [(file.relative_to(found.root).as_posix(), number) for file in sorted(groups[name])]
        kept = {int(place) for place in drawn.permutation(len(rows))[: _count(len(rows), share)]}
        held_out += [row for place, row in enumerate(rows) if place in kept]
        training += [row for place, row in enumerate(rows) if place not in kept]
    return Split(found.root, classes, tuple(training), tuple(held_out))


def _count(pictures: int, share: float) -> int:
    if pictures < FEWEST_TO_SPLIT:
        return 0
    return min(max(round(pictures * share), FEWEST_HELD_OUT), pictures - FEWEST_HELD_OUT)


def _check(split: Split) -> None:
    if len(split.classes) < FEWEST_CLASSES:
        raise InvalidInputError(
            f"{str(split.root)!r} has pictures of one class, {split.classes[0]!r}, and two are needed to tell apart: "
            "FOLDER/<class>/*.jpg."
        )
    if len({label for _, label in split.held_out}) < FEWEST_CLASSES:
        raise InvalidInputError(
            f"Fewer than two classes of {str(split.root)!r} have {FEWEST_TO_SPLIT} different pictures, so none can be "
            "held out to tell apart: with one class every search is right. Add pictures to the others."
        )
    if broken := [name for name in split.classes if "\n" in name or "\r" in name]:
        raise InvalidInputError(
            f"The class {broken[0]!r} has a line break in its name, and labels.txt a line for each. Rename the folder."
        )


def label_lines(classes: Sequence[str]) -> str:
    """`labels.txt`: a line `0:cat` for each class."""
    return "".join(f"{number}:{name}\n" for number, name in enumerate(classes))

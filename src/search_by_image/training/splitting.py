"""A folder of labelled pictures -> those to train on and those held out, the same for the same seed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from search_by_image.errors import ImageError, InvalidInputError
from search_by_image.images import ImageLimits, open_rgb, read_limited
from search_by_image.quality.sets import PictureSet, labelled_folder

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
    """Also why a picture is left out, by its path: every file is opened once.

    Of each class the share `held_out` is, at least two pictures and at most all but two; none where it has less than
    four. Raises `InvalidInputError` when fewer than two classes are left, or nothing can be held out.
    """
    found = labelled_folder(folder.absolute())
    faults = dict(_faults(found, limits, show))
    usable = found.without(faults)
    split = _split(usable, held_out, seed)
    _check(split)
    return split, {skipped.path: skipped.reason for skipped in usable.skipped}


def _faults(found: PictureSet, limits: ImageLimits, show: Show) -> Iterator[tuple[int, ImageError]]:
    def fault(file: Path) -> ImageError | None:
        try:
            open_rgb(read_limited(file, limits), limits, at_least=64)
        except ImageError as error:
            return error
        return None

    with ThreadPoolExecutor() as workers:
        for place, error in enumerate(workers.map(fault, found.files)):
            show(place + 1, len(found.files))
            if error is not None:
                yield place, error


def _split(found: PictureSet, share: float, seed: int) -> Split:
    classes = tuple(sorted(set(found.labels)))
    drawn = np.random.default_rng(seed)
    training: list[tuple[str, int]] = []
    held_out: list[tuple[str, int]] = []
    for number, name in enumerate(classes):
        files = [file for file, label in zip(found.files, found.labels, strict=True) if label == name]
        rows = [(file.relative_to(found.root).as_posix(), number) for file in sorted(files)]
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
    if not split.held_out:
        raise InvalidInputError(
            f"No class of {str(split.root)!r} has {FEWEST_TO_SPLIT} pictures, so none can be held out to measure on."
        )


def label_lines(classes: Sequence[str]) -> str:
    """`labels.txt`: a line `0:cat` for each class."""
    return "".join(f"{number}:{name}\n" for number, name in enumerate(classes))

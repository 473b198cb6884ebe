"""Pairs of pictures from a CSV: the same, or different ones."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from search_by_image.errors import InvalidInputError
from search_by_image.quality.sets import PictureSet, check_size, labelled_folder, shown

COLUMNS = ("left", "right")
YES = frozenset({"", "1", "true", "yes", "y"})
NO = frozenset({"0", "false", "no", "n"})


def read_set(path: Path, encoding: str = "utf-8-sig") -> PictureSet:
    """A `.csv` of pairs, else a labelled folder. Raises `InvalidInputError`."""
    if path.suffix.lower() == ".csv" and not path.is_dir():
        return paired(path, encoding)
    return labelled_folder(path)


def paired(file: Path, encoding: str = "utf-8-sig") -> PictureSet:
    """The columns `left` and `right` name pictures, from the CSV's folder on; `same` (1 or 0) may be left out: 1.

    What is the same as a third is the same: such pictures get one label, that of the first of them. Raises
    `InvalidInputError`, with the line's number, for what cannot be read or contradicts itself.
    """
    pairs = list(_read(file, encoding))
    kin = _Kin()
    for pair in pairs:
        kin.add(pair.left)
        kin.add(pair.right)
        if pair.same:
            kin.join(pair.left, pair.right)
    _check_consistent(pairs, kin, file)
    files = tuple(kin.parents)
    check_size(file, len(files))
    places = {path: place for place, path in enumerate(files)}
    labels = tuple(shown(kin.first(path), file.parent) for path in files)
    ends = (sorted((places[pair.left], places[pair.right])) for pair in pairs if not pair.same)
    different = tuple(dict.fromkeys((one, other) for one, other in ends))
    return PictureSet(file.parent, files, labels, different or None)


@dataclass(frozen=True, slots=True)
class _Pair:
    line: int
    left: Path
    right: Path
    same: bool


@dataclass
class _Kin:
    """Disjoint sets: which pictures are the same, directly or through others."""

    parents: dict[Path, Path] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        self.parents.setdefault(path, path)

    def first(self, path: Path) -> Path:
        while self.parents[path] != path:
            self.parents[path] = path = self.parents[self.parents[path]]
        return path

    def join(self, one: Path, other: Path) -> None:
        self.parents[self.first(other)] = self.first(one)


def _read(file: Path, encoding: str) -> Iterator[_Pair]:
    try:
        with file.open(encoding=encoding, newline="") as opened:
            reader = csv.DictReader(opened, skipinitialspace=True)
            _check_columns(file, reader.fieldnames or ())
            for row in reader:
                yield _pair(file, reader.line_num, row)
    except (OSError, UnicodeError, csv.Error) as error:
        raise InvalidInputError(
            f"The pairs {str(file)!r} cannot be read as CSV in {encoding}: {error}. Give a file in UTF-8 with the "
            "columns left,right and, where pairs differ, same."
        ) from error


def _check_columns(file: Path, columns: Sequence[str]) -> None:
    if missing := [column for column in COLUMNS if column not in columns]:
        raise InvalidInputError(
            f"{str(file)!r} has no column {' and no '.join(missing)}; its first line is {','.join(columns)!r}. "
            "It must name the columns: left,right or left,right,same."
        )


def _pair(file: Path, line: int, row: dict[str, str | None]) -> _Pair:
    left, right = (row[column] or "" for column in COLUMNS)
    same = (row.get("same") or "").strip().lower()
    if not left or not right:
        raise InvalidInputError(f"{str(file)!r}, line {line}: both left and right must name a picture.")
    if same not in YES | NO:
        raise InvalidInputError(f"{str(file)!r}, line {line}: same is {same!r}. Allowed: 1 or 0, yes or no; empty: 1.")
    if left == right:
        raise InvalidInputError(f"{str(file)!r}, line {line}: {left!r} is paired with itself. Remove the line.")
    return _Pair(line, file.parent / left, file.parent / right, same in YES)


def _check_consistent(pairs: Sequence[_Pair], kin: _Kin, file: Path) -> None:
    for pair in pairs:
        if not pair.same and kin.first(pair.left) == kin.first(pair.right):
            raise InvalidInputError(
                f"{str(file)!r}, line {pair.line}: the two are said to differ, and other lines make them the same."
            )

"""A labelmap: a text file with a line `0:cat` for each class."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from search_by_image.errors import ModelError

MOST_SHOWN = 5


def read_labelmap(file: Path, encoding: str = "utf-8") -> Mapping[int, str]:
    """Class number -> label. Blank lines are passed over, a label may hold colons.

    Raises `ModelError` for a file that cannot be read, with every wrong line (up to five), and for an empty one.
    """
    labels: dict[int, str] = {}
    problems = []
    for number, line in enumerate(_lines(file, encoding), 1):
        problem = _take(line, labels) if line.strip() else None
        if problem:
            problems.append(f"line {number}: {problem}")
    if problems:
        more = "" if len(problems) <= MOST_SHOWN else f"; and {len(problems) - MOST_SHOWN} more"
        raise ModelError(f"The labelmap {str(file)!r} is wrong in {'; '.join(problems[:MOST_SHOWN])}{more}.")
    if not labels:
        raise ModelError(f"The labelmap {str(file)!r} is empty. It wants a line such as 0:cat for each class.")
    return MappingProxyType(labels)


def _lines(file: Path, encoding: str) -> Iterator[str]:
    try:
        return iter(file.read_text(encoding).removeprefix("\ufeff").split("\n"))
    except OSError as error:
        raise ModelError(f"The labelmap {str(file)!r} cannot be read: {error.strerror}.") from error
    except LookupError as error:
        raise ModelError(f"There is no encoding {encoding!r} (of the labelmap {str(file)!r}): use utf-8.") from error
    except UnicodeDecodeError as error:
        raise ModelError(
            f"The labelmap {str(file)!r} is not written in {encoding}: byte {error.start} does not fit. Set encoding."
        ) from error


def _take(line: str, labels: dict[int, str]) -> str | None:
    """Adds the line's label, or says what is wrong with it."""
    number, colon, label = (part.strip() for part in line.partition(":"))
    if not (colon and label and number.isascii() and number.isdigit()):
        return f"{line.strip()!r} is not of the form 0:cat"
    if int(number) in labels:
        return f"the number {int(number)} is taken already by {labels[int(number)]!r}"
    labels[int(number)] = label
    return None

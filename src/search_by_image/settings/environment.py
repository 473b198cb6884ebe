"""Settings from environment variables, and those given on the command line."""

from collections.abc import Collection, Iterator, Mapping

from search_by_image.errors import Problem
from search_by_image.settings.keys import VARIABLE_PREFIX, KeyPath
from search_by_image.settings.layers import Entry, Layer

Given = str | int | float | bool


def read_environment(environ: Mapping[str, str], known: Collection[KeyPath]) -> Layer:
    """The variables `SEARCH_BY_IMAGE__SECTION__KEY`; upper and lower case are the same where the name is known."""
    entries: dict[KeyPath, Entry] = {}
    problems: list[Problem] = []
    for variable, parts in _ours(environ):
        path = _in_known_case(parts, (*known, *entries))
        if path in entries:
            problems.append(Problem(variable, f"{entries[path].variable} sets the same. Keep one of the two."))
        else:
            entries[path] = Entry(environ[variable].strip(), "environment", variable)
    return Layer(entries, tuple(problems))


def read_overrides(overrides: Mapping[str, Given], known: Collection[KeyPath]) -> Layer:
    """Values by the path of their key: 'flask/port'."""
    return Layer(
        {
            _in_known_case(tuple(name.split("/")), known): Entry(_stripped(value), "command line")
            for name, value in overrides.items()
        }
    )


def _ours(environ: Mapping[str, str]) -> Iterator[tuple[str, KeyPath]]:
    for variable in sorted(environ):
        if variable.upper().startswith(VARIABLE_PREFIX):
            yield variable, tuple(variable[len(VARIABLE_PREFIX) :].split("__"))


def _in_known_case(parts: KeyPath, known: Collection[KeyPath]) -> KeyPath:
    path: KeyPath = ()
    for part in parts:
        names = [other[len(path)] for other in known if len(other) > len(path) and other[: len(path)] == path]
        path = (*path, part if part in names else _same_name(part, names))
    return path


def _same_name(part: str, names: Collection[str]) -> str:
    return next((name for name in names if name.casefold() == part.casefold()), part)


def _stripped(value: Given) -> Given:
    return value.strip() if isinstance(value, str) else value

"""One source's settings as flat entries, and the layering of sources: the later wins."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from pydantic import ConfigDict, FiniteFloat, TypeAdapter, ValidationError

from search_by_image.errors import Problem
from search_by_image.settings.keys import KeyPath, Keys
from search_by_image.settings.masking import shown
from search_by_image.settings.sections import Origin

Scalar = str | int | float | bool | None

HIDDEN = ConfigDict(hide_input_in_errors=True)

TYPES: Mapping[str, Callable[[str], Scalar]] = {
    "int": TypeAdapter(int, config=HIDDEN).validate_python,
    "float": TypeAdapter(FiniteFloat, config=HIDDEN).validate_python,
    "bool": TypeAdapter(bool, config=HIDDEN).validate_python,
}
TYPE_TEXTS: Mapping[str, str] = {
    "int": "a whole number, such as 8",
    "float": "a number, such as 0.5",
    "bool": "true or false",
}


@dataclass(frozen=True)
class Entry:
    """`variable`: the environment variable that it is from."""

    value: Scalar
    origin: Origin
    variable: str = ""


Entries = Mapping[KeyPath, Entry]


@dataclass(frozen=True)
class Layer:
    """What one source says, and its mistakes."""

    entries: Entries
    problems: tuple[Problem, ...] = ()


def typed(name: str, text: str, type_name: str) -> Scalar:
    """The text of the element `name` as `int`, `float` or `bool`; raises `ValueError` with what is allowed."""
    try:
        return TYPES[type_name](text)
    except ValidationError as error:
        raise ValueError(f"{shown(name, text)!r} is not {type_name}. Allowed: {TYPE_TEXTS[type_name]}.") from error


def layered(layers: Iterable[Layer], keys: Keys) -> Layer:
    """All layers in one; a text that replaces a plug-in's typed value gets that value's type."""
    entries: dict[KeyPath, Entry] = {}
    problems: list[Problem] = []
    for layer in layers:
        problems += layer.problems
        for path, entry in layer.entries.items():
            try:
                entries[path] = _like(path[-1], entries.get(path), entry) if keys.free_above(path) else entry
            except ValueError as error:
                problems.append(Problem("/".join(path), f"{error} The file gives it that type.{came_from(entry)}"))
    inside = [path for path in entries if any(path[:length] in entries for length in range(1, len(path)))]
    problems += [Problem("/".join(path), "An element above it has a text. Keep one of the two.") for path in inside]
    return Layer({path: entry for path, entry in entries.items() if path not in inside}, tuple(problems))


def came_from(entry: Entry | None) -> str:
    """The end of a message about an entry that is not from the file."""
    if entry is None or entry.origin in ("default", "file"):
        return ""
    if entry.origin == "command line":
        return " It was given on the command line."
    return f" It is from the environment variable {entry.variable}."


def _like(name: str, previous: Entry | None, entry: Entry) -> Entry:
    if previous is None or not isinstance(entry.value, str):
        return entry
    type_name = type(previous.value).__name__
    return replace(entry, value=typed(name, entry.value, type_name)) if type_name in TYPES else entry

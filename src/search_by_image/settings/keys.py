"""The keys of `server.xml`, as the models define them, and the nearest of them to a misspelt one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto
from functools import cache
from typing import get_args

from pydantic.fields import FieldInfo

from search_by_image.settings.section import Section
from search_by_image.settings.sections import ServerXml
from search_by_image.settings.values import FreeNames

KeyPath = tuple[str, ...]
VARIABLE_PREFIX = "SEARCH_BY_IMAGE__"


def variable_name(path: KeyPath) -> str:
    """The environment variable of a key: SEARCH_BY_IMAGE__FLASK__PORT for flask/port."""
    return VARIABLE_PREFIX + "__".join(path).upper()


class Place(Enum):
    """What may stand at a path."""

    VALUE = auto()
    SECTION = auto()
    NOTHING = auto()


@dataclass(frozen=True)
class Keys:
    """`sections`: those of the root that are always there; `free`: where users choose the names."""

    fields: Mapping[KeyPath, FieldInfo]
    free: Mapping[KeyPath, FreeNames]
    sections: tuple[str, ...]

    def place(self, path: KeyPath) -> Place:
        if path in self.fields and path not in self.free:
            return Place.VALUE
        if start := self.free_above(path):
            return _free_place(self.free[start], len(path) - len(start))
        return Place.SECTION if any(known[: len(path)] == path for known in self.fields) else Place.NOTHING

    def free_above(self, path: KeyPath) -> KeyPath | None:
        """The section with free names that the path lies in."""
        return next((start for start in self.free if len(start) < len(path) and path[: len(start)] == start), None)

    def unknown_part(self, path: KeyPath) -> KeyPath:
        """The shortest beginning of the path at which nothing may stand."""
        beginnings = (path[:length] for length in range(1, len(path) + 1))
        return next((part for part in beginnings if self.place(part) is Place.NOTHING), path)

    def nearest(self, path: KeyPath) -> KeyPath | None:
        """The known path most like this one: first among its siblings, then anywhere."""
        *above, name = path
        places = {known[:length] for known in self.fields for length in range(1, len(known) + 1)}
        siblings = {known[-1]: known for known in places if known[:-1] == tuple(above)}
        namesakes = {known[-1]: known for known in sorted(places, reverse=True)}
        return _closest(name, siblings) or _closest(name, namesakes) or _closest("/".join(path), _by_text(places))


@cache
def known_keys() -> Keys:
    found = dict(_walk(ServerXml, ()))
    markers = {path: mark for path, field in found.items() for mark in field.metadata if isinstance(mark, FreeNames)}
    values = {path: field for path, field in found.items() if not _section_of(field)}
    always = tuple(
        path[0] for path, field in found.items() if len(path) == 1 and _section_of(field) is field.annotation
    )
    return Keys(values, markers, always)


def _walk(model: type[Section], above: KeyPath) -> Iterator[tuple[KeyPath, FieldInfo]]:
    for name, field in model.model_fields.items():
        path = (*above, field.alias or name)
        yield path, field
        if section := _section_of(field):
            yield from _walk(section, path)


def _section_of(field: FieldInfo) -> type[Section] | None:
    kinds = get_args(field.annotation) or (field.annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)), None)


def _free_place(free: FreeNames, below: int) -> Place:
    if below > free.deepest:
        return Place.NOTHING
    return Place.VALUE if below >= free.depth else Place.SECTION


def _by_text(paths: Iterable[KeyPath]) -> dict[str, KeyPath]:
    return {"/".join(path): path for path in paths}


def _closest(name: str, known: Mapping[str, KeyPath]) -> KeyPath | None:
    lowered = {text.lower(): path for text, path in known.items()}
    return next((lowered[match] for match in get_close_matches(name.lower(), lowered, n=1)), None)

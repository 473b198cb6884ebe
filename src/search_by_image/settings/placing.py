"""Which of a source's entries have a place in the configuration, and what is said of those that have none."""

from search_by_image.errors import Problem
from search_by_image.settings.keys import KeyPath, Keys, Place, variable_name
from search_by_image.settings.layers import Entry, Layer, came_from


def placed(layer: Layer, keys: Keys) -> Layer:
    """The layer's values; what has no place becomes a problem, and an empty section is as good as none."""
    places = {path: keys.place(path) for path in layer.entries}
    values = {path: entry for path, entry in layer.entries.items() if places[path] is Place.VALUE}
    problems = {
        _problem(path, entry, keys): None
        for path, entry in layer.entries.items()
        if places[path] is Place.NOTHING or (places[path] is Place.SECTION and entry.value not in ("", None))
    }
    return Layer(values, (*layer.problems, *problems))


def _problem(path: KeyPath, entry: Entry, keys: Keys) -> Problem:
    if keys.place(path) is Place.SECTION:
        return Problem("/".join(path), f"This is a section: it holds elements, not a text.{came_from(entry)}")
    unknown = keys.unknown_part(path)
    above = unknown[:-1]
    if keys.place(above) is Place.VALUE:
        return Problem("/".join(above), f"It holds a value: remove {unknown[-1]!r} inside it.{came_from(entry)}")
    nearest = keys.nearest(unknown)
    if entry.variable:
        name = variable_name(_completed(nearest, path, keys)) if nearest else None
        return Problem(entry.variable, _no_setting(name))
    return Problem("/".join(unknown), _no_setting("/".join(nearest) if nearest else None) + came_from(entry))


def _completed(nearest: KeyPath, path: KeyPath, keys: Keys) -> KeyPath:
    whole = "/".join((*nearest, *path[len(nearest) :])).lower()
    return next((known for known in keys.fields if "/".join(known).lower() == whole), nearest)


def _no_setting(suggestion: str | None) -> str:
    remedy = f"Did you mean {suggestion}?" if suggestion else "Remove it; docs/configuration.md lists every setting."
    return f"There is no setting of this name. {remedy}"

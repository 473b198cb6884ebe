"""The settings in force as rows to be read, with where each is from and without secrets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from search_by_image.settings.masking import shown
from search_by_image.settings.sections import Origin, ServerXml, Settings


@dataclass(frozen=True)
class SettingRow:
    """`value`: as it would be written in the file, secrets as ******."""

    path: str
    value: str
    origin: Origin


def settings_rows(settings: Settings) -> list[SettingRow]:
    """One row a key, in the order of the documentation; a section that is not there is one empty row."""
    values = settings.model_dump(by_alias=True, include=set(ServerXml.model_fields))
    return [
        SettingRow(path, shown(path, value), settings.origins.get(path, "default"))
        for path, value in _leaves("", values)
    ]


def _leaves(above: str, values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        path = f"{above}/{name}".removeprefix("/")
        if isinstance(value, dict) and value:
            yield from _leaves(path, value)
        else:
            yield path, value or "" if isinstance(value, dict) else value

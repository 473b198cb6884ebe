"""Defaults, file, environment and command line, laid over each other and checked as one."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from search_by_image.errors import ConfigError
from search_by_image.settings.conflicts import conflicts
from search_by_image.settings.environment import Given, read_environment, read_overrides
from search_by_image.settings.keys import KeyPath, Keys, known_keys
from search_by_image.settings.layers import Entries, Layer, layered
from search_by_image.settings.mistakes import problems_of
from search_by_image.settings.placing import placed
from search_by_image.settings.sections import Settings
from search_by_image.settings.xmlfile import read_server_xml

USUAL_PLACE = Path("conf") / "server.xml"


def load_settings(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Given] = {},
    encoding: str = "utf-8",
) -> Settings:
    """The settings in force: defaults < file < environment (None: the process's) < overrides ('flask/port': value).

    `path` None: ./conf/server.xml where it exists, else the defaults alone. Relative paths are taken from the folder
    that holds the file, or, when that folder is named `conf`, from the one above it; without a file from the current
    folder. Raises `ConfigError` with every mistake of every source.
    """
    source = _source(path)
    keys = known_keys()
    merged = _merged(source, os.environ if environ is None else environ, overrides, encoding, keys)
    return _checked(merged, source, keys)


def base_path_of(source: Path | None) -> Path:
    """The folder against which the relative paths of a configuration file are resolved."""
    if source is None:
        return Path.cwd()
    folder = source.absolute().parent
    return folder.parent if folder.name == "conf" else folder


def _source(path: Path | None) -> Path | None:
    if path is not None:
        return path.absolute()
    return USUAL_PLACE.absolute() if USUAL_PLACE.is_file() else None


def _merged(
    source: Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, Given],
    encoding: str,
    keys: Keys,
) -> Layer:
    file = read_server_xml(source, encoding) if source else Layer({})
    known = [*keys.fields, *file.entries]
    layers = (file, read_environment(environ, known), read_overrides(overrides, known))
    return layered([placed(layer, keys) for layer in layers], keys)


def _checked(merged: Layer, source: Path | None, keys: Keys) -> Settings:
    base_path, problems = base_path_of(source), [*merged.problems]
    origins = {"/".join(path): entry.origin for path, entry in merged.entries.items()}
    tree = _tree(merged.entries, keys.sections) | {"base_path": base_path, "source": source, "origins": origins}
    try:
        settings = Settings.model_validate(tree, context={"base_path": base_path})
    except ValidationError as error:
        problems += problems_of(error, merged.entries, keys)
        raise ConfigError(problems, _name(source)) from error
    if problems := [*problems, *conflicts(settings)]:
        raise ConfigError(problems, _name(source))
    return settings


def _name(source: Path | None) -> str:
    return str(source) if source else "the configuration"


def _tree(entries: Entries, sections: Iterable[str]) -> dict[str, object]:
    root: dict[str, object] = {}
    branches: dict[KeyPath, dict[str, object]] = {(): root}

    def branch(path: KeyPath) -> dict[str, object]:
        if path not in branches:
            branches[path] = {}
            branch(path[:-1])[path[-1]] = branches[path]
        return branches[path]

    for section in sections:
        branch((section,))
    for path, entry in entries.items():
        branch(path[:-1])[path[-1]] = entry.value
    return root

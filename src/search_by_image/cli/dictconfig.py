"""The user's own logging dictConfig, files of search_by_image 2020 included."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search_by_image.errors import ConfigError, Problem
from search_by_image.settings import Settings
from search_by_image.settings.values import check_json_object

PACKAGE = "search_by_image"
PLACE_OF_LOG_FILE = "{$log_file_path$}"
FILTERS = {
    "search_by_image.millisecond": {"()": "search_by_image.cli.records.Millisecond"},
    "search_by_image.in_request": {"()": "search_by_image.cli.records.InRequest"},
}
PLACE = {"JSON_STR": "logger/json_str", "JSON_FILE": "logger/conf_file_name"}
SECTIONS = ("filters", "formatters", "handlers", "loggers")
Config = dict[str, Any]


def is_given(settings: Settings) -> bool:
    return bool(settings.logger.json_str) or settings.logger.config_type == "JSON_FILE"


def given_config(settings: Settings) -> Config:
    """The dictConfig with its files below the base path; raises `ConfigError` where it cannot be one.

    What it says about `logger/logger_name` holds for this package's loggers.
    """
    path = PLACE[settings.logger.config_type]
    try:
        config: Config = {"version": 1, "disable_existing_loggers": False} | json.loads(_text(settings))
        _check_parts(config)
        return config | {
            "filters": _section(config, "filters") | FILTERS,
            "handlers": {
                name: _handler(name, handler, settings) for name, handler in _section(config, "handlers").items()
            },
            "loggers": _loggers(config, settings.logger.logger_name),
        }
    except ValueError as error:
        raise ConfigError([Problem(path, str(error))], str(settings.source or "the configuration")) from error


def files_of(config: Mapping[str, Any]) -> list[Path]:
    return [Path(handler["filename"]) for handler in config["handlers"].values() if "filename" in handler]


def _text(settings: Settings) -> str:
    """Raises `ValueError`."""
    if settings.logger.config_type == "JSON_STR":
        return settings.logger.json_str
    file = settings.logger.conf_file_name
    try:
        return check_json_object(file.read_text(encoding="utf-8-sig")) if file else ""
    except OSError as error:
        raise ValueError(
            f"The file {str(file)!r} cannot be read: {error.strerror}. Name one with a dictConfig."
        ) from error
    except UnicodeError as error:
        raise ValueError(f"The file {str(file)!r} is not UTF-8 ({error}). Save it as UTF-8.") from error


def _check_parts(config: Config) -> None:
    sections = [name for name in SECTIONS if type(config.get(name) or {}) is not dict]
    parts = [
        f"{name}/{part}"
        for name in SECTIONS
        if name not in sections
        for part, value in _section(config, name).items()
        if type(value) is not dict
    ]
    if wrong := [*sections, *parts]:
        raise ValueError(f"{' and '.join(wrong)} must be JSON objects: {{...}}.")


def _section(config: Config, name: str) -> Config:
    return config.get(name) or {}


def _handler(name: str, handler: Config, settings: Settings) -> Config:
    filters = [*(handler.get("filters") or []), *FILTERS]
    if "filename" not in handler:
        return handler | {"filters": filters}
    placed = handler | {"filters": filters, "filename": str(_file(name, str(handler["filename"]), settings))}
    if settings.logger.is_create_logfile_by_day and "class" in handler:
        of = placed.pop("class")
        return placed | {"()": "search_by_image.cli.records.by_day", "of": of}
    return placed


def _file(name: str, file: str, settings: Settings) -> Path:
    logfile = settings.logger.logfile_path
    if PLACE_OF_LOG_FILE in file and logfile is None:
        raise ValueError(f"handlers/{name} writes to {PLACE_OF_LOG_FILE}: give logger/logfile_path.")
    return settings.base_path / Path(file.replace(PLACE_OF_LOG_FILE, str(logfile))).expanduser()


def _loggers(config: Config, name: str) -> Config:
    """Old files write `"propagate": "no"`, a text."""
    loggers = {key: _with_propagate(logger) for key, logger in _section(config, "loggers").items()}
    if name in loggers:
        loggers.setdefault(PACKAGE, loggers[name])
    elif PACKAGE not in loggers and not _section(config, "root").get("handlers"):
        raise ValueError(
            f"It has no logger {name!r} (logger/logger_name), and its root has no handlers: nothing would be logged. "
            f"It has: {', '.join(sorted(loggers)) or 'none'}."
        )
    return loggers


def _with_propagate(logger: Config) -> Config:
    propagate = logger.get("propagate")
    if not isinstance(propagate, str):
        return logger
    return logger | {"propagate": propagate.strip().lower() in ("yes", "true", "1", "on")}

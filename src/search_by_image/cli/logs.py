"""Logging: the service writes to stderr and to its file, a command to the file only."""

import json
import logging.config
from collections.abc import Mapping
from typing import Any

from search_by_image.errors import ConfigError, Problem
from search_by_image.settings import Settings

PACKAGE = "search_by_image"
LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_for_service(settings: Settings) -> None:
    """As `logger/json_str` says, else to stderr and `logger/logfile_path`. Raises `ConfigError`."""
    if settings.logger.json_str:
        _apply(_given(settings), "logger/json_str", settings)
    else:
        _apply(_own(settings, console=True), "logger/logfile_path", settings)


def log_for_command(settings: Settings) -> None:
    """To `logger/logfile_path`, with `debug` to stderr as well. Raises `ConfigError`."""
    _apply(_own(settings, console=settings.debug), "logger/logfile_path", settings)


def _apply(config: Mapping[str, Any], path: str, settings: Settings) -> None:
    try:
        logging.config.dictConfig(dict(config))
    except (ValueError, TypeError, AttributeError, ImportError, OSError) as error:
        reason = ": ".join(str(one) for one in (error, error.__cause__) if one)
        problem = Problem(path, f"Logging cannot be set up so: {reason}.")
        raise ConfigError([problem], str(settings.source or "the configuration")) from error


def _given(settings: Settings) -> Mapping[str, Any]:
    """The user's dictConfig; what it says about `logger/logger_name` holds for this package's loggers."""
    given: dict[str, Any] = {"version": 1, "disable_existing_loggers": False} | json.loads(settings.logger.json_str)
    loggers = dict(given.get("loggers") or {})
    if settings.logger.logger_name in loggers:
        loggers.setdefault(PACKAGE, loggers[settings.logger.logger_name])
    return given | {"loggers": _tracing(settings) | loggers}


def _own(settings: Settings, *, console: bool) -> Mapping[str, Any]:
    handlers = _handlers(settings, console=console)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": LINE}},
        "handlers": handlers,
        "root": {"level": "WARNING", "handlers": list(handlers)},
        "loggers": {
            PACKAGE: {"level": "DEBUG" if settings.debug else settings.logger.level},
        }
        | _tracing(settings),
    }


def _tracing(settings: Settings) -> dict[str, Any]:
    return {"uvicorn.access": {"level": "INFO" if settings.debug else "WARNING", "propagate": True}}


def _handlers(settings: Settings, *, console: bool) -> dict[str, Any]:
    path = settings.logger.logfile_path
    handlers: dict[str, Any] = {"none": {"class": "logging.NullHandler"}}
    if console:
        handlers["stderr"] = {"class": "logging.StreamHandler", "formatter": "line"}
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers["file"] = {"class": "logging.FileHandler", "filename": path, "encoding": "utf-8", "formatter": "line"}
    return handlers

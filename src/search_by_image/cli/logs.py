"""Logging: the service writes to stderr and to its file, a command to the file only."""

import logging.config
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search_by_image.cli.dictconfig import PACKAGE, PLACE, files_of, given_config, is_given
from search_by_image.cli.records import InRequest, JsonLine, by_day
from search_by_image.errors import ConfigError, Problem
from search_by_image.settings import Settings, notices

LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s%(in_request)s"
REQUESTS = f"{PACKAGE}.requests"
logger = logging.getLogger(__name__)


def log_for_service(settings: Settings) -> None:
    """As `logger/json_str` says, else to stderr and `logger/logfile_path`. Raises `ConfigError`."""
    if is_given(settings):
        config = given_config(settings)
        _make_folders(files_of(config), settings)
        _apply(_traced(config, settings), PLACE[settings.logger.config_type], settings)
    else:
        _apply_own(settings, console=True)
    _tell(settings)


def log_for_command(settings: Settings) -> None:
    """To `logger/logfile_path`, with `debug` to stderr as well. Raises `ConfigError`."""
    _apply_own(settings, console=settings.debug)
    _tell(settings)


def check_logging(settings: Settings) -> None:
    """Sets the service's logging up without opening a file, then that of a command. Raises `ConfigError`."""
    if is_given(settings):
        config = _traced(given_config(settings), settings)
        late = {
            name: handler | ({"delay": True} if "filename" in handler else {})
            for name, handler in config["handlers"].items()
        }
        _apply(config | {"handlers": late}, PLACE[settings.logger.config_type], settings)
    _apply(_own(settings, _handlers(None, daily=False, console=settings.debug)), "logger/logfile_path", settings)


def _tell(settings: Settings) -> None:
    for notice in notices(settings):
        logger.warning("%s", notice)


def _apply(config: Mapping[str, Any], path: str, settings: Settings) -> None:
    try:
        logging.config.dictConfig(dict(config))
    except (ValueError, TypeError, AttributeError, ImportError, OSError) as error:
        reason = ": ".join(str(one).rstrip(".") for one in (error, error.__cause__) if one)
        raise _mistake(path, f"Logging cannot be set up so: {reason}.{_remedy(reason)}", settings) from error


def _remedy(reason: str) -> str:
    if "HiveNet" not in reason:
        return ""
    return " Install the package in which that class is, or name one of Python's: logging.FileHandler, for instance."


def _mistake(path: str, message: str, settings: Settings) -> ConfigError:
    return ConfigError([Problem(path, message)], str(settings.source or "the configuration"))


def _make_folders(files: list[Path], settings: Settings) -> None:
    for file in files:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"The folder {str(file.parent)!r} cannot be made: {error.strerror}. Name another one."
            raise _mistake("logger", message, settings) from error


def _traced(config: dict[str, Any], settings: Settings) -> dict[str, Any]:
    return config | {"loggers": _requests(settings) | config["loggers"]}


def _apply_own(settings: Settings, *, console: bool) -> None:
    path = settings.logger.logfile_path
    if path is not None:
        _make_folders([path], settings)
    handlers = _handlers(path, daily=settings.logger.is_create_logfile_by_day, console=console)
    _apply(_own(settings, handlers), "logger/logfile_path", settings)


def _own(settings: Settings, handlers: dict[str, Any]) -> Mapping[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request": {"()": InRequest}},
        "formatters": {"text": {"format": LINE}, "json": {"()": JsonLine}},
        "handlers": {name: handler | _style(settings) for name, handler in handlers.items()},
        "root": {"level": "WARNING", "handlers": list(handlers)},
        "loggers": {
            PACKAGE: {"level": "DEBUG" if settings.debug else settings.logger.level},
        }
        | _requests(settings),
    }


def _requests(settings: Settings) -> dict[str, Any]:
    return {REQUESTS: {"level": "INFO" if _tells_requests(settings) else "WARNING", "propagate": True}}


def _tells_requests(settings: Settings) -> bool:
    by_itself = settings.debug or settings.logger.format == "json"
    return settings.logger.access == "on" or (settings.logger.access == "auto" and by_itself)


def _style(settings: Settings) -> dict[str, Any]:
    return {"formatter": settings.logger.format, "filters": ["request"]}


def _handlers(path: Path | None, *, daily: bool, console: bool) -> dict[str, Any]:
    handlers: dict[str, Any] = {"none": {"class": "logging.NullHandler"}}
    if console:
        handlers["stderr"] = {"class": "logging.StreamHandler"}
    if path is not None:
        kind = {"()": by_day, "of": "logging.FileHandler"} if daily else {"class": "logging.FileHandler"}
        handlers["file"] = {**kind, "filename": str(path), "encoding": "utf-8"}
    return handlers

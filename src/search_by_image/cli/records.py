"""What log records and files need that logging does not have: the request's id, JSON, milliseconds, a file a day."""

import json
import logging
from datetime import UTC, datetime
from logging.config import DictConfigurator
from pathlib import Path
from typing import Any

from search_by_image.api.exchange import Exchange, current_exchange


class Millisecond(logging.Filter):
    """Gives each record `millisecond`, three digits: a format key of HiveNetLib."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.millisecond = f"{int(record.msecs):03d}"
        return True


class InRequest(logging.Filter):
    """Gives each record `in_request`, `request_id`, `trace_id`, `key` (of the API, by name): '' outside of one."""

    def filter(self, record: logging.LogRecord) -> bool:
        exchange = current_exchange() or Exchange("")
        record.request_id, record.key, record.trace_id = exchange.request_id, exchange.key, exchange.trace_id
        is_told_already = hasattr(record, "fields")
        record.in_request = f" [{exchange.request_id}]" if exchange.request_id and not is_told_already else ""
        return True


class JsonLine(logging.Formatter):
    """A record as one line of JSON: nothing but what is named here, and the `fields` that the record was given.

    Handlers need the filter `InRequest`.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", ""),
            "trace_id": getattr(record, "trace_id", ""),
            "key": getattr(record, "key", ""),
            **getattr(record, "fields", {}),
            "exception": self.formatException(record.exc_info) if record.exc_info else "",
        }
        return json.dumps({name: value for name, value in line.items() if value != ""}, ensure_ascii=False, default=str)


class ByDay(logging.FileHandler):
    """Mixed into a handler that writes to a file: the date of the day goes into the file's name."""

    undated: Path

    def emit(self, record: logging.LogRecord) -> None:
        today = str(dated(self.undated))
        if today != self.baseFilename:
            self.baseFilename = today
            if self.stream:
                self.stream.close()
                self.stream = None
        super().emit(record)


def by_day(of: str, filename: str, **rest: Any) -> logging.Handler:
    """A handler of the class `of`, such as logging.FileHandler, whose file is another one each day.

    Raises `ValueError` when there is no such class, or it does not write to a file.
    """
    kind = DictConfigurator({}).resolve(of)
    is_for_files = isinstance(kind, type) and issubclass(kind, logging.FileHandler)
    if not is_for_files:
        raise ValueError(f"{of} does not write to a file: set logger/is_create_logfile_by_day to false")
    handler: ByDay = type(f"{kind.__name__}ByDay", (ByDay, kind), {"undated": Path(filename)})(
        dated(Path(filename)), **rest
    )
    return handler


def dated(path: Path) -> Path:
    """logs/server.log -> logs/server20200924.log"""
    return path.with_name(f"{path.stem}{datetime.now().astimezone():%Y%m%d}{path.suffix}")

"""What log records and log files need that logging does not have: milliseconds by themselves, a file a day."""

import logging
from datetime import datetime
from logging.config import DictConfigurator
from pathlib import Path
from typing import Any


class Millisecond(logging.Filter):
    """Gives each record `millisecond`, three digits: a format key of HiveNetLib."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.millisecond = f"{int(record.msecs):03d}"
        return True


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

"""A bar on stderr while pictures are imported, copied or indexed, and files fetched."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

from search_by_image.cli.output import say

if TYPE_CHECKING:
    from search_by_image.folder_import import Progress
    from search_by_image.reembedding import Progress as Embedding


EMBEDDING_STOPPED = "Stopped. Searches go on with the old model; the same command continues where it stopped."
STOPPED = "Stopped. What was imported is saved; the same command continues where it stopped."


@contextmanager
def import_progress() -> Iterator[Callable[["Progress"], None]]:
    """What it gives shows the progress it is called with, and pictures a second; the bar comes with the first call."""
    bars = _bars("Importing")
    task = bars.add_task("import", total=None, rate=0.0, failed=0)

    def show(progress: "Progress") -> None:
        bars.start()
        bars.update(task, total=progress.total, completed=progress.done)
        bars.update(task, rate=bars.tasks[task].speed or 0.0, failed=progress.failed)

    try:
        yield show
    except KeyboardInterrupt:
        _stop(bars)
        say(STOPPED)
        raise
    finally:
        _stop(bars)


@contextmanager
def embedding_progress() -> Iterator[Callable[["Embedding"], None]]:
    """As `import_progress`, for pictures that are embedded by another model."""
    bars = _bars("Embedding")
    task = bars.add_task("embed", total=None, rate=0.0, failed=0)

    def show(progress: "Embedding") -> None:
        bars.start()
        bars.update(task, total=progress.total, completed=progress.done + progress.failed)
        bars.update(task, rate=bars.tasks[task].speed or 0.0, failed=progress.failed)

    try:
        yield show
    except KeyboardInterrupt:
        _stop(bars)
        say(EMBEDDING_STOPPED)
        raise
    finally:
        _stop(bars)


@contextmanager
def counted(word: str, stopped: str) -> Iterator[Callable[[int, int], None]]:
    """What it gives shows how many of how many are done; the bar comes with the first call.

    `stopped` is said when Ctrl-C ends what is counted.
    """
    columns = (TextColumn(word), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bars = Bars(*columns, console=Console(stderr=True))
    task = bars.add_task(word, total=None)

    def show(done: int, total: int) -> None:
        bars.start()
        bars.update(task, total=total, completed=done)

    try:
        yield show
    except KeyboardInterrupt:
        _stop(bars)
        say(stopped)
        raise
    finally:
        _stop(bars)


@contextmanager
def downloaded(word: str) -> Iterator[Callable[[int, int], None]]:
    """What it gives shows how many bytes of how many (0: not known) are there; the bar comes with the first call."""
    columns = (TextColumn(word), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    bars = Bars(*columns, console=Console(stderr=True))
    task = bars.add_task(word, total=None)

    def show(done: int, total: int) -> None:
        bars.start()
        bars.update(task, total=total or None, completed=done)

    try:
        yield show
    finally:
        _stop(bars)


def _stop(bars: Bars) -> None:
    if bars.live.is_started:
        bars.stop()


def _bars(word: str) -> Bars:
    rate, failed = TextColumn("{task.fields[rate]:.1f} images/s"), TextColumn("{task.fields[failed]} failed")
    columns = (TextColumn(word), BarColumn(), MofNCompleteColumn(), rate, failed, TimeRemainingColumn())
    return Bars(*columns, console=Console(stderr=True))

"""A server that stops, or says nothing, in the middle of imports, while the app goes on running."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from faults.kills import after_restart
from faults.pairs import open_library
from faults.promise import Acknowledged, Broken, broken_promises, unsettled
from faults.writer import Calls, Writer
from search_by_image.engine import SearchEngine
from search_by_image.library import STUCK_AFTER_MS

IMPORTS = 20
REFUSALS = 5


@dataclass(frozen=True, slots=True)
class Outage:
    """`back_after`: seconds from the server's return to the next import; `settled_after`: until nothing was half."""

    said: Acknowledged
    broken: Broken
    calls: Calls
    back_after: float
    settled_after: float


def outage(
    settings: Mapping[str, str], begin: Callable[[], object], end: Callable[[], object], *, lasting: float = 0
) -> Outage:
    """Of `lasting` seconds at least. Looked at twice: in the app that lived through it, and after a restart."""
    with open_library(settings) as engine:
        with Writer(engine) as writer:
            writer.imports(IMPORTS)
            begin()
            writer.refusals(REFUSALS)
            time.sleep(lasting)
            end()
            back_after = writer.imports(1)
            writer.imports(IMPORTS)
        settled_after = wait_until_settled(engine)
        broken = broken_promises(engine, writer.said)
    broken |= after_restart(settings, writer.said)
    return Outage(writer.said, broken, writer.calls, back_after, settled_after)


def wait_until_settled(engine: SearchEngine, within: float = STUCK_AFTER_MS / 1000 + 30) -> float:
    started = time.monotonic()
    while unsettled(engine):
        if time.monotonic() > started + within:
            break
        time.sleep(0.2)
    return time.monotonic() - started

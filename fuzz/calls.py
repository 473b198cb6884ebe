"""`python -m fuzz.calls [--examples N] [--place NAME]`: calls made up from the service's own description of them.

Exit status 1 when one was answered with a failure, or with anything that the description does not say.
"""

import argparse
import logging
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from fuzz.service import Service, in_process, running

STREAMS = ("application/x-ndjson", "text/csv", "application/zip")
"""Bodies that are sent as they are made up."""
CONFIG = Path(__file__).with_name("schemathesis.toml")
PLACES: dict[str, Callable[[Path], AbstractContextManager[Service]]] = {"in-process": in_process, "running": running}


@dataclass
class Outcome:
    """`failures`: how often each was seen, with one example of it."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def note(self, event: events.EngineEvent) -> None:
        if isinstance(event, events.ScenarioFinished | events.FuzzScenarioFinished):
            self._note_scenario(event.recorder)
        elif isinstance(event, events.NonFatalError):
            self.errors.append(f"{event.label}: {event.value}")
        elif isinstance(event, events.FatalError):
            self.errors.append(str(event.exception))

    def _note_scenario(self, recorder: ScenarioRecorder) -> None:
        self.cases += len(recorder.interactions)
        for interaction in recorder.interactions.values():
            self.statuses[int(interaction.response.status_code) if interaction.response else 0] += 1
        for checks in recorder.checks.values():
            for check in checks:
                self.checks[check.name] += 1
                if check.failure_info is not None:
                    told = f"{check.failure_info.failure.title}: {check.failure_info.failure.message}\n"
                    example = check.failure_info.code_sample
                    self.failures.setdefault((recorder.label, check.name), f"{told}{example}")


def _as_bytes(_context: schemathesis.SerializationContext, value: object) -> bytes:
    data = getattr(value, "data", value)
    return data if isinstance(data, bytes) else str(data).encode("utf-8", errors="surrogatepass")


def fuzz(service: Service, examples: int, seed: int | None = None, *, edges: bool = True) -> Outcome:
    """`examples`: of each operation, in the phase that makes them up; `edges`: those of every parameter come on top."""
    said = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    headers = {"Authorization": f"Bearer {service.key}", "Host": service.url.removeprefix("http://")}
    varying = {
        "headers": headers,
        "generation": {"max-examples": examples},
        "phases": {"coverage": {"enabled": edges}},
    } | ({} if seed is None else {"seed": seed})
    config = SchemathesisConfig.from_dict(said | varying)
    if service.app is not None:
        schema = schemathesis.openapi.from_asgi("/openapi.json", service.app, config=config, headers=headers)
    else:
        schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json", config=config, headers=headers)
    schemathesis.serializer(*STREAMS)(_as_bytes)
    outcome = Outcome()
    for event in from_schema(schema).execute():
        outcome.note(event)
    return outcome


def main(places: list[str], examples: int, seed: int | None) -> bool:
    """Whether nothing was found."""
    logging.getLogger("search_by_image").setLevel(logging.CRITICAL)
    fine = True
    for place in places:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, PLACES[place](Path(folder)) as service:
            outcome = fuzz(service, examples, seed)
        answers = ", ".join(f"{count} x {status}" for status, count in sorted(outcome.statuses.items()))
        print(f"{place}: {outcome.cases} cases, {outcome.checks.total()} checks; answers: {answers}", flush=True)
        for (label, check), told in outcome.failures.items():
            print(f"\n{label} · {check}\n{told}")
        for error in outcome.errors:
            print(f"\n{error}")
        fine = fine and not outcome.failures and not outcome.errors
    return fine


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m fuzz.calls")
    parser.add_argument("--place", action="append", choices=PLACES, help="may be given more than once; default: both")
    parser.add_argument("--examples", type=int, default=150, help="made up for each operation; default: %(default)s")
    parser.add_argument("--seed", type=int, help="to see the same again")
    given = parser.parse_args()
    sys.exit(not main(given.place or [*PLACES], given.examples, given.seed))

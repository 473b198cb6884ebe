"""The service under load, one phase after the other."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import httpx

from benchmarks.load.calls import Calls, Outcome
from benchmarks.load.cpu import Shares, shared
from benchmarks.load.kept import Kept, imported_names
from benchmarks.load.memory import Memory, watched
from benchmarks.load.plan import Plan
from benchmarks.load.uploads import Uploads
from benchmarks.served import Served, served, stores_in
from search_by_image.assembly import open_engine
from search_by_image.settings import load_settings

IMPORTS = ("import", "old import")
SPARE = 1.2
"""A job has so many times the pictures that could be imported while it is watched."""
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Beside:
    """`searchers` alone, and beside a job that did `rate` pictures a second; `total`: the pictures of its upload.

    `failed`: those of them that could not be imported.
    """

    searchers: int
    alone: Calls
    beside: Calls
    rate: float
    total: int
    failed: int


@dataclass(frozen=True, slots=True)
class Measured:
    """`bound`: pictures a second of the pipeline alone; `vector_kib`: of one picture's vector."""

    plan: Plan
    bound: float
    load: Calls
    memory: Memory
    shares: Shares
    ready: int
    kept: Kept
    vector_kib: float
    beside: tuple[Beside, ...]
    crowd: Calls


class LoadRun:
    """Over a service of its own, in the folder."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder

    def run(self) -> Measured:
        dimension = self._fill()
        before = self._plan.bound()
        with (
            served(self._folder, self._plan.config) as service,
            httpx.Client(base_url=service.url, timeout=120) as http,
        ):
            with watched(service.pid) as memory, shared(service.pid) as shares:
                load = self._call(service, self._plan.seconds, self._plan.searchers, self._plan.importers)
            ready = http.get("/readyz").status_code
            there = imported_names(http, self._plan.collection)
            kept = Kept.of([call.picture for call in load.of(IMPORTS)], there)
            beside = tuple(self._beside_job(service, http, count, before) for count in self._plan.beside)
            crowd = self._call(service, self._plan.window, self._plan.crowd)
        bound = mean((before, self._plan.bound()))
        return Measured(self._plan, bound, load, memory, shares, ready, kept, 4 * dimension / 1024, beside, crowd)

    def _fill(self) -> int:
        """The pictures of the folder are there before; answers with the dimension of the vectors."""
        plan = self._plan
        settings = load_settings(plan.config, environ={}, overrides=stores_in(self._folder))
        with open_engine(settings, maintain=False) as engine:
            engine.import_images(plan.pictures, plan.pipeline, collection=plan.collection)
            return next(space.dimension for space in engine.library.spaces() if space.collection == plan.collection)

    def _call(self, service: Served, seconds: float, searchers: int, importers: int = 0) -> Calls:
        told = self._folder / f"calls-{time.monotonic_ns()}.jsonl"
        options: dict[str, Any] = {
            "url": service.url,
            "collection": self._plan.collection,
            "pipeline": self._plan.pipeline,
            "pictures": self._plan.pictures,
            "calls": told,
            "seconds": seconds,
            "searchers": searchers,
            "importers": importers,
            "probers": 1,
        }
        command = [sys.executable, "-m", "benchmarks.load.callers"]
        subprocess.run([*command, *(f"--{name}={option}" for name, option in options.items())], check=True, cwd=ROOT)
        return Calls.read(told, seconds)

    def _beside_job(self, service: Served, http: httpx.Client, searchers: int, bound: float) -> Beside:
        alone = self._call(service, self._plan.window, searchers)
        total = max(self._plan.job_pictures, round(SPARE * bound * self._plan.window))
        job = self._begin_job(http, total)
        beside = self._call(service, self._plan.window, searchers)
        at_end = http.get(f"/v1/jobs/{job}").raise_for_status().json()
        self._end_job(http, job)
        return Beside(searchers, alone, beside, at_end["rate"] or 0.0, total, at_end["counts"]["failed"])

    def _begin_job(self, http: httpx.Client, total: int) -> str:
        upload = Uploads(self._plan.pictures).zipped(total)
        answer = http.post(
            f"/v1/collections/{self._plan.collection}/imports",
            content=upload,
            params={"pipeline": self._plan.pipeline},
            headers={"Content-Type": "application/zip"},
        )
        return str(answer.raise_for_status().json()["id"])

    def _end_job(self, http: httpx.Client, job: str) -> None:
        http.post(f"/v1/jobs/{job}:cancel")
        while not http.get(f"/v1/jobs/{job}").json()["finished"]:
            time.sleep(0.1)


def failures(measured: Measured) -> list[str]:
    """What must not be, in words."""
    phases = {"load": measured.load, "crowd": measured.crowd}
    for beside in measured.beside:
        phases |= {f"{beside.searchers} alone": beside.alone, f"{beside.searchers} beside a job": beside.beside}
    found = [
        f"{phase}: {call.name} {call.note}"
        for phase, calls in phases.items()
        for call in calls.of(calls.names, Outcome.FAILED)
    ]
    found += [f"{beside.failed} pictures of a job failed" for beside in measured.beside if beside.failed]
    lost = {"missing": measured.kept.missing, "there twice": measured.kept.doubled}
    found += [f"{count} acknowledged pictures are {what}" for what, count in lost.items() if count]
    if measured.ready != httpx.codes.OK:
        found.append(f"/readyz answered {measured.ready}")
    return found

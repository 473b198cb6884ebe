"""`python -m benchmarks.load.callers`: who searches, imports and asks for the health, all at once, with Locust.

A process of its own: Locust replaces what the standard library waits with. Each call is a line in the file `--calls`.
"""

import argparse
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import gevent
from locust import FastHttpUser, constant, task
from locust.contrib.fasthttp import FastResponse
from locust.env import Environment
from locust.runners import STATE_CLEANUP, STATE_STOPPED, STATE_STOPPING
from urllib3.filepost import encode_multipart_formdata

from benchmarks.load.calls import Call, Outcome
from benchmarks.load.uploads import Uploads

BUSY = (429, 503)
OLD_BUSY = "20008"
ENDING = 60
ENDED = (STATE_CLEANUP, STATE_STOPPING, STATE_STOPPED)
MOST_STARTED = 100
"""Callers a second; Locust advises against more."""
Judge = Callable[[FastResponse], str]
"""What is wrong with an answer; '' when nothing is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`fields`: of the form; `picture`: the name of one that is imported."""

    name: str
    method: str
    path: str
    fields: dict[str, Any] = field(default_factory=dict)
    picture: str = ""


class Caller(FastHttpUser):
    """One of those who call: the next call as soon as the last one is answered, or the service wants it."""

    abstract = True
    wait_time = constant(0)
    network_timeout = 120.0
    connection_timeout = 30.0
    collection: str
    pipeline: str
    uploads: Uploads
    calls: TextIO
    numbers: Iterator[int]

    def ask(self, asked: Asked, judge: Judge) -> Outcome:
        """Waits where the service asks for that."""
        body, kind = encode_multipart_formdata(asked.fields) if asked.fields else (None, None)
        headers = {"Content-Type": kind} if kind else {}
        begun = time.monotonic()
        answer = self.client.request(asked.method, asked.path, data=body, headers=headers, name=asked.name)
        ended = time.monotonic()
        outcome, note = _judged(answer, judge)
        self.calls.write(Call(asked.name, ended, 1000 * (ended - begun), outcome, asked.picture, note).line())
        if outcome is Outcome.REFUSED:
            gevent.sleep(float(answer.headers.get("retry-after", 1)))
        return outcome


class Searcher(Caller):
    @task
    def search(self) -> None:
        fields = {"file": ("query.jpg", self.uploads.another())}
        self.ask(Asked("search", "POST", f"/v1/collections/{self.collection}/search", fields), _has_matches)


class Importer(Caller):
    """Through the doors of today and of 2020 in turn; a picture that was refused is sent again."""

    @task
    def import_one(self) -> None:
        number = next(self.numbers)
        picture, data = f"load-{number}", self.uploads.another()
        outcome = Outcome.REFUSED
        while outcome is Outcome.REFUSED and self.environment.runner.state not in ENDED:
            outcome = (self._put if number % 2 else self._import)(picture, data)

    def _put(self, picture: str, data: bytes) -> Outcome:
        path = f"/v1/collections/{self.collection}/images/{picture}"
        fields = {"file": ("new.jpg", data), "document": json.dumps({"load": picture})}
        return self.ask(Asked("import", "PUT", path, fields, picture), _is_created)

    def _import(self, picture: str, data: bytes) -> Outcome:
        fields = {
            "file": ("new.jpg", data),
            "pipeline": self.pipeline,
            "collection": self.collection,
            "image_doc": json.dumps({"load": picture}),
        }
        asked = Asked("old import", "POST", "/api/SearchServer/ImportByUpload", fields, picture)
        return self.ask(asked, _is_acknowledged)


class Prober(Caller):
    wait_time = constant(1)

    @task
    def probe(self) -> None:
        self.ask(Asked("readyz", "GET", "/readyz"), _is_ready)


def _judged(answer: FastResponse, judge: Judge) -> tuple[Outcome, str]:
    if answer.status_code in BUSY and "retry-after" in answer.headers:
        return Outcome.REFUSED, f"{answer.status_code} {answer.json().get('code')}"
    if answer.status_code == 200 and answer.json().get("status") == OLD_BUSY:
        return Outcome.REFUSED, OLD_BUSY
    wrong = judge(answer)
    return (Outcome.FAILED, wrong) if wrong else (Outcome.DONE, "")


def _has_matches(answer: FastResponse) -> str:
    return "" if answer.status_code == 200 and answer.json()["matches"] else _told(answer)


def _is_ready(answer: FastResponse) -> str:
    return "" if answer.status_code == 200 else _told(answer)


def _is_created(answer: FastResponse) -> str:
    return "" if answer.status_code == 201 else _told(answer)


def _is_acknowledged(answer: FastResponse) -> str:
    return "" if answer.status_code == 200 and answer.json()["status"] == "00000" else _told(answer)


def _told(answer: FastResponse) -> str:
    return f"{answer.status_code} {getattr(answer, 'error', '')} {(answer.text or '')[:200]}"


def main(given: argparse.Namespace) -> None:
    kinds = {Searcher: given.searchers, Importer: given.importers, Prober: given.probers}
    Caller.collection, Caller.pipeline = given.collection, given.pipeline
    Caller.uploads, Caller.numbers = Uploads(given.pictures), itertools.count()
    for kind, count in kinds.items():
        kind.fixed_count = count
    with given.calls.open("w", encoding="utf-8") as Caller.calls:
        present = [kind for kind, count in kinds.items() if count]
        runner = Environment(user_classes=present, host=given.url, stop_timeout=ENDING).create_local_runner()
        runner.start(sum(kinds.values()), spawn_rate=MOST_STARTED)
        gevent.sleep(given.seconds)
        runner.quit()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.callers")
    parser.add_argument("--url", required=True)
    parser.add_argument("--collection", required=True)
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--pictures", type=Path, required=True, help="a folder of JPEG files")
    parser.add_argument("--calls", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--searchers", type=int, default=0)
    parser.add_argument("--importers", type=int, default=0)
    parser.add_argument("--probers", type=int, default=0)
    main(parser.parse_args())

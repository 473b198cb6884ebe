"""`python -m fuzz.hostile [--count N] [--seed N]`: broken and hostile pictures sent to a running service.

Exit status 1 when one was answered with anything that is not documented, when the service took more memory than it
may, or when it does not work afterwards.
"""

import argparse
import hashlib
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import httpx

from faults.pictures import picture
from fuzz.bombs import ALLOWED_SIDE
from fuzz.pictures import COUNT, Picture, corpus
from fuzz.sending import ACCEPTED, Answer, Pages, Sender
from fuzz.service import COLLECTION, SETTINGS, Service, running
from search_by_image.assembly import worker_count
from search_by_image.settings import load_settings

SENDERS = 8
AT_REST = 2**30
PER_PIXEL = 20
"""Bytes, of a picture while it is decoded: WebP with transparency and a colour profile takes the most."""


@dataclass
class Outcome:
    """By kind of picture: how many there were, how many were taken everywhere, and what was answered how often.

    `different`: the digests of all pictures. `peaks`: bytes of memory at the start and after each kind.
    """

    pictures: Counter[str] = field(default_factory=Counter)
    different: set[bytes] = field(default_factory=set)
    accepted: Counter[str] = field(default_factory=Counter)
    codes: dict[str, Counter[str]] = field(default_factory=dict)
    peaks: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return sum(codes.total() for codes in self.codes.values())

    def note(self, sent: Picture, answers: list[Answer]) -> None:
        self.pictures[sent.kind] += 1
        self.different.add(hashlib.sha256(sent.data).digest())
        codes = self.codes.setdefault(sent.kind, Counter())
        codes.update(answer.code for answer in answers)
        self.accepted[sent.kind] += all(answer.code == ACCEPTED for answer in answers)
        self.faults += [f"{sent.name}, {one.call}, {one.way}: {one.fault}" for one in answers if one.fault]
        if sent.data:
            self.faults += [f"{sent.name}, {told}" for told in _disagreements(answers)]

    def line(self, kind: str) -> str:
        codes = self.codes[kind]
        refused = ", ".join(f"{count} x {code}" for code, count in codes.most_common() if code != ACCEPTED)
        return (
            f"{kind}: {self.pictures[kind]} pictures ({self.accepted[kind]} accepted), {codes.total()} calls "
            f"({codes[ACCEPTED]} accepted; {refused or 'none refused'}); peak {_mb(self.peaks[-1])} MB"
        )


def _disagreements(answers: list[Answer]) -> Iterator[str]:
    """The same bytes are the same picture, however they come."""
    for call, group in groupby(answers, key=lambda answer: answer.call):
        codes = {answer.way: answer.code for answer in group}
        if len(set(codes.values())) > 1:
            yield f"{call}: not the same answer: {codes}"


def send_all(service: Service, pictures: Iterable[Picture]) -> Outcome:
    """Kind by kind, with several senders at once; a line is printed of each."""
    outcome = Outcome(peaks=[peak_memory(service)])
    with Pages().open() as pages, closing(Sender(service, pages)) as sender, ThreadPoolExecutor(SENDERS) as pool:
        for kind, group in groupby(pictures, key=lambda one: one.kind):
            sent = list(group)
            for one, answers in zip(sent, pool.map(sender.send, sent), strict=True):
                outcome.note(one, answers)
            outcome.peaks.append(peak_memory(service))
            print(outcome.line(kind), flush=True)
    outcome.faults += _after(service)
    return outcome


def peak_memory(service: Service) -> int:
    """Bytes that the process has had in memory at most so far."""
    status = Path(f"/proc/{service.pid}/status").read_text(encoding="ascii")
    return 1024 * int(re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[0])


def memory_bound(side: int) -> int:
    """Bytes that the service may take for pictures of at most `side` pixels squared (docs/security.md)."""
    return AT_REST + worker_count(load_settings(SETTINGS, environ={})) * PER_PIXEL * side**2


def _after(service: Service) -> Iterator[str]:
    """What does not work any more: the service is ready, takes a picture and finds it."""
    headers = {"Authorization": f"Bearer {service.key}"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=60, trust_env=False) as client:
        if (ready := client.get("/readyz")).status_code != 200:
            yield f"not ready afterwards: {ready.status_code} {ready.text}"
        good, place = {"file": ("cat.png", picture(1000))}, f"/v1/collections/{COLLECTION}"
        if (put := client.put(f"{place}/images/good", files=good)).status_code != 201:
            yield f"a good picture is not taken afterwards: {put.status_code} {put.text}"
        found = client.post(f"{place}/search", files=good)
        if found.status_code != 200 or [match["id"] for match in found.json()["matches"]][:1] != ["good"]:
            yield f"a good picture is not found afterwards: {found.status_code} {found.text}"


def hostile(seed: int, count: int = COUNT, side: int = ALLOWED_SIDE) -> Outcome:
    """A service started, sent everything, and stopped."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        with running(Path(folder)) as service:
            outcome = send_all(service, corpus(seed, count, side))
        log = (Path(folder) / "service.log").read_text(encoding="utf-8")
    if "Traceback" in log:
        outcome.faults.append(f"in the service's log: {log[log.index('Traceback') :][:3000]}")
    if outcome.peaks[-1] > memory_bound(side):
        outcome.faults.append(f"it took {_mb(outcome.peaks[-1])} MB, more than {_mb(memory_bound(side))}")
    return outcome


def _mb(size: int) -> int:
    return round(size / 2**20)


def main(seed: int, count: int, side: int) -> bool:
    """Whether nothing was found."""
    outcome = hostile(seed, count, side)
    first, last, allowed = (_mb(size) for size in (outcome.peaks[0], outcome.peaks[-1], memory_bound(side)))
    print(
        f"\n{outcome.pictures.total()} pictures ({len(outcome.different)} different), {outcome.accepted.total()} "
        f"accepted; {outcome.calls} calls; peak memory {first} MB at the start, {last} MB at the end, {allowed} MB "
        f"allowed; {len(outcome.faults)} faults",
        flush=True,
    )
    for fault in outcome.faults[:50]:
        print(fault)
    return not outcome.faults


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m fuzz.hostile")
    parser.add_argument("--count", type=int, default=COUNT, help="of pictures; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="other pictures; default: %(default)s")
    parser.add_argument("--side", type=int, default=ALLOWED_SIDE, help="of the largest; default: %(default)s")
    given = parser.parse_args()
    sys.exit(not main(given.seed, given.count, given.side))

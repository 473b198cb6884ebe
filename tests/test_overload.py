"""More calls at once than the real service has places and a queue for: each is answered, or refused at once."""

import asyncio

import httpx
import pytest

from cheap_library import picture
from memory_arenas import arenas_of
from service_process import DEADLINE, started

PLACES, QUEUE, CALLERS = 2, 50, 70
SETTINGS = """
<server><pipeline>
  <plugins_path>plugins</plugins_path>
  <pipeline_config><Patient>{"1": {"name": "vector", "processor": "patient"}}</Patient></pipeline_config>
</pipeline></server>"""
PATIENT = """
import pathlib
import time

import numpy as np

from search_by_image.plugins import Features, processor


@processor(dimension=3)
def patient(image, _context):
    while not pathlib.Path("go").exists():
        time.sleep(0.02)
    return Features(np.asarray(image, np.float32).mean((0, 1)))
"""


@pytest.mark.slow
def test_as_many_wait_as_may_and_the_others_are_refused_at_once(tmp_path):
    for name, text in {"conf/server.xml": SETTINGS, "plugins/patient.py": PATIENT}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    with started(tmp_path, LIMITS__QUEUE=QUEUE, LIMITS__THREADS=PLACES - 1) as (process, url):
        refused, readiness, waited = asyncio.run(rush(url, tmp_path / "go"))
        assert arenas_of(process.pid) < PLACES
    assert [answer.status_code for answer in refused] == [503] * (CALLERS - PLACES - QUEUE)
    assert {answer.json()["code"] for answer in refused} == {"overloaded"}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert readiness.status_code == 200
    assert [answer.status_code for answer in waited] == [201] * (PLACES + QUEUE)


async def rush(url, go):
    """The answers that came while nothing could be computed, that of /readyz at that time, and all others."""
    async with httpx.AsyncClient(base_url=url, timeout=DEADLINE, limits=httpx.Limits()) as http:
        calls = [asyncio.create_task(put(http, number)) for number in range(CALLERS)]
        refused = [await next_of(calls) for _ in range(CALLERS - PLACES - QUEUE)]
        readiness = await http.get("/readyz")
        go.touch()
        return refused, readiness, [await call for call in calls]


async def put(http, number):
    return await http.put(f"/v1/collections/images/images/{number}", files={"file": ("a.png", picture(number))})


async def next_of(calls):
    """The answer of the first that is done, which is then no longer among them."""
    done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    calls.remove(first := done.pop())
    return first.result()

"""The promise of import jobs: the process is killed at random moments; the job finishes, each picture is there once."""

import base64
import io
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from PIL import Image

from cheap_library import open_library, picture
from job_service import PATIENCE, ZIP, counts, ndjson, zipped
from search_by_image.assembly import open_engine
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.jobs.job import Counts, Format, State
from search_by_image.jobs.jobs import Jobs, Order
from search_by_image.jobs.options import JobOptions
from search_by_image.records.base import Match
from search_by_image.recovery import finish_what_stopped
from search_by_image.settings import load_settings
from service_process import DEADLINE, started

KILLS = 5
PICTURES = 400
CHILD = Path(__file__).with_name("import_child.py")
CONFIG = """<server><pipeline><plugins_path>{plugins}</plugins_path><pipeline_config><Slow>
{{"1": {{"name": "vector", "processor": "SlowMean"}}}}</Slow></pipeline_config></pipeline></server>"""
PLUGIN = '''
import time
import numpy as np
from search_by_image.plugins import Features, Processor


class SlowMean(Processor):
    """Takes its time, so that a kill comes in the middle."""

    def process(self, image, context):
        time.sleep(0.01)
        pixels = np.asarray(image.resize((8, 8)), np.float32).reshape(-1)
        return Features(pixels / np.linalg.norm(pixels))
'''


def submitted(folder, body, upload_format):
    """A job that nobody works on yet."""
    library = open_library(folder / "library")
    with UrlFetcher(FetchSettings()) as fetcher:
        jobs = Jobs(library, fetcher, JobOptions(folder / "spool"))
        with jobs.incoming(upload_format) as upload:
            upload.write(body)
            job = jobs.submit(jobs.checked(Order("pets", "Thumb")), upload)
    library.close()
    return job.id


def job_and_errors(folder, job_id):
    library = open_library(folder / "library")
    with UrlFetcher(FetchSettings()) as fetcher:
        jobs = Jobs(library, fetcher, JobOptions(folder / "spool"))
        found = jobs.find(job_id), jobs.errors(job_id, limit=100)
    library.close()
    return found


def run_child(folder, kill_after=None):
    """Its exit code. It is killed somewhat after it has said that so many more items are done."""
    paths = (str(CHILD.parents[1]), os.environ.get("PYTHONPATH"))
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)},
    )
    first, timer = None, None
    for line in child.stdout:
        if kill_after is None or not line.endswith("\n"):
            continue
        first = int(line) if first is None else first
        if timer is None and int(line) >= first + kill_after:
            timer = threading.Timer(random.uniform(0, 0.05), child.send_signal, (signal.SIGKILL,))
            timer.start()
    code = child.wait()
    child.stdout.close()
    if timer is not None:
        timer.join()
    return code


def check_pictures(library, keys):
    """A kill may leave records that are staged, which nobody sees; a minute later they are given up, here at once."""
    stored = library.page(Match(collection="pets"), limit=10 * len(keys))
    assert Counter(one.key for one in stored) == dict.fromkeys(keys, 1)
    (space,) = library.spaces()
    finish_what_stopped(library._records, library._indexed, staged_ms_ago=0, pending_ms_ago=0)
    assert library._records.ids(space.name).tolist() == library._index.ids(space.name).tolist()


@pytest.mark.slow
def test_a_job_whose_process_is_killed_again_and_again(tmp_path):
    names = [f"{n:04}.png" for n in range(PICTURES)]
    job_id = submitted(tmp_path, zipped({name: picture(n) for n, name in enumerate(names)}), Format.ZIP)
    for _ in range(KILLS):
        assert run_child(tmp_path, kill_after=random.randint(1, 20)) == -signal.SIGKILL
        assert not job_and_errors(tmp_path, job_id)[0].state.has_ended
    assert run_child(tmp_path) == 0
    job, errors = job_and_errors(tmp_path, job_id)
    assert (job.state, job.counts, errors) == (State.SUCCEEDED, Counts(created=PICTURES), [])
    library = open_library(tmp_path / "library")
    check_pictures(library, names)
    library.close()


@pytest.mark.slow
def test_pictures_that_end_the_process_again_and_again_are_left_out(tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (9, 9, 9)).save(buffer, "PNG")
    pictures = [buffer.getvalue() if n in (5, 6) else picture(n) for n in range(30)]
    items = ({"id": str(n), "base64": base64.b64encode(data).decode()} for n, data in enumerate(pictures))
    job_id = submitted(tmp_path, ndjson(items), Format.NDJSON)
    kills = 0
    while run_child(tmp_path) == -signal.SIGKILL:
        kills += 1
        assert kills < 15
    job, errors = job_and_errors(tmp_path, job_id)
    assert (job.state, job.counts) == (State.SUCCEEDED, Counts(created=28, failed=2))
    assert [(error.number, error.id, error.code) for error in errors] == [(6, "5", "crashed"), (7, "6", "crashed")]
    library = open_library(tmp_path / "library")
    check_pictures(library, [str(n) for n in range(30) if n not in (5, 6)])
    library.close()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "slow.py").write_text(PLUGIN)
    (tmp_path / "conf" / "server.xml").write_text(CONFIG.format(plugins=tmp_path / "plugins"))
    return tmp_path


def until(url, job_id, reached):
    deadline = time.monotonic() + 2 * PATIENCE
    while not reached(job := httpx.get(f"{url}/v1/jobs/{job_id}", timeout=60).json()):
        assert time.monotonic() < deadline, job
        time.sleep(0.02)
    return job


@pytest.mark.slow
def test_the_service_killed_and_the_service_stopped_in_the_middle_of_a_job(folder):
    names = [f"{n:04}.png" for n in range(400)]
    body, sent = zipped({name: picture(n) for n, name in enumerate(names)}), {"Content-Type": ZIP}
    with started(folder) as (process, url):
        answer = httpx.post(f"{url}/v1/collections/pets/imports", content=body, headers=sent, timeout=60)
        job_id = answer.json()["id"]
        killed = until(url, job_id, lambda job: job["done"])["done"]
        process.kill()
        process.wait(DEADLINE)
    with started(folder) as (process, url):
        until(url, job_id, lambda job: job["done"] > killed)
        process.terminate()
        _, stderr = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0
        assert stderr.endswith("Stopped; everything is saved.\n")
    settings = load_settings(folder / "conf" / "server.xml", environ={})
    with open_engine(settings, maintain=False) as engine:
        entry = engine.library.ledger.get("job", job_id)
        assert killed < sum(entry.body["counts"].values()) == engine.library.count(Match(collection="pets")) < 400
        assert (entry.body["state"], entry.body["runner"]) == ("running", "")
    with started(folder) as (_, url):
        job = until(url, job_id, lambda job: job["finished"])
    assert (job["state"], job["counts"]) == ("succeeded", counts(created=400))
    assert not list((folder / "data" / "jobs").iterdir())
    with open_engine(settings, maintain=False) as engine:
        check_pictures(engine.library, names)

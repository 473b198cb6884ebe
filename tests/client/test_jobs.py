"""Import jobs through both clients: what can be sent, how far it is, its end in spite of networks and restarts."""

import base64
import json
import time
import zipfile

import pytest

from cheap_library import picture
from client.relay import CUT
from client.test_failures import BUSY, PAGE, TOO_MANY
from job_service import web_server
from search_by_image import errors
from search_by_image.client import NewImage, NoAnswerError, NotEndedError, UnexpectedAnswerError, waiting

PATIENCE = 60
AWAY = [CUT] * 4


@pytest.fixture
def direct(open_client, library, service):
    """Speaks to the service without the relay, which takes no streams."""
    return open_client(service[0])


@pytest.fixture
def web():
    """Pictures at `{web.url}/N.png`, answered while `web.may_answer` is set."""
    with web_server() as web:
        yield web


def item(n, **more):
    return {"id": f"p{n}", "base64": base64.b64encode(picture(n)).decode(), "document": {"n": n}, **more}


def lines(items):
    return b"".join(json.dumps(one).encode() + b"\n" for one in items)


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("p0.png", picture(0))
        archive.writestr("p1.png", picture(1))


def started(client, upload, **options):
    return client.start_import("pets", upload, pipeline="Thumb", **options)


# What can be sent


def test_items_are_sent_whatever_they_are_given_as(direct, library, tmp_path, web):
    two = lines([item(0), item(1)])
    for name, data in (
        ("items.ndjson", two),
        ("items.jsonl", two),
        ("items.csv", f"id,url\np0,{web.url}/0.png\np1,{web.url}/1.png\n".encode()),
        ("items.json", json.dumps({"items": [item(0), item(1)]}).encode()),
    ):
        (tmp_path / name).write_bytes(data)
    zipped(tmp_path / "items.zip")
    (tmp_path / "0.png").write_bytes(picture(0))
    for upload, options in (
        (tmp_path / "items.ndjson", {}),
        (str(tmp_path / "items.jsonl"), {}),
        (tmp_path / "items.csv", {}),
        (tmp_path / "items.json", {}),
        (tmp_path / "items.zip", {}),
        (two, {"format": "ndjson"}),
        ((tmp_path / "items.zip").read_bytes(), {"format": "zip"}),
        ([two[:9], two[9:]], {"format": "ndjson"}),
        ([item(0), item(1)], {}),
        ((item(n) for n in range(2)), {}),
        ([NewImage("p0", tmp_path / "0.png", {"n": 0}), NewImage("p1", f"{web.url}/1.png")], {}),
        ([f"{web.url}/0.png", f"{web.url}/1.png"], {}),
    ):
        library.clear()
        job = direct.wait_for_job(started(direct, upload, **options).id)
        assert (job.state, job.counts.created, job.errors) == ("succeeded", 2, []), (upload, job)
        assert library.count() == 2
    urls = [image.document for image in direct.images("pets")]
    assert urls == [{"url": f"{web.url}/0.png"}, {"url": f"{web.url}/1.png"}]


def test_options_of_a_job(direct, library):
    direct.wait_for_job(started(direct, [item(0)]).id)
    job = started(direct, [item(0, document={"n": "new"})], on_duplicate="skip")
    assert direct.wait_for_job(job.id).counts.skipped == 1
    assert library.keyed.find("pets", "p0").document == {"n": 0}
    hook = {"webhook": "http://127.0.0.1:9/", "webhook_secret": "whsec_" + base64.b64encode(b"k" * 32).decode()}
    assert started(direct, [item(1)], **hook).webhook.secret == hook["webhook_secret"]
    assert started(direct, [item(1)], webhook=hook["webhook"]).webhook.secret.startswith("whsec_")


def test_an_upload_is_sent_as_it_comes(direct, service, tmp_path):
    """The service has the first piece on disk before the last one is made."""
    spool = next(path for path in tmp_path.parent.iterdir() if path.name.startswith("spool"))

    def pieces():
        yield lines([item(n) for n in range(300)]) + b"\n" * 2**22
        deadline = time.monotonic() + PATIENCE
        while not any(path.stat().st_size for path in spool.rglob("*") if path.is_file()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield lines([item(300)])

    assert started(direct, pieces(), format="ndjson").total == 301


def test_what_cannot_be_sent_is_said_before_anything_is(open_client, tmp_path):
    client = open_client("http://127.0.0.1:9")
    (tmp_path / "items.dat").write_bytes(b"x")
    for upload, said in (
        (b"x", "Of bytes the format must be said: ndjson, csv, zip, json"),
        ([b"x"], "Of pieces of bytes the format"),
        (tmp_path / "items.dat", "Of 'items.dat' the format"),
        (tmp_path / "none.zip", "cannot be read: No such file"),
        (tmp_path, "cannot be read: Is a directory"),
        ([], "The upload is empty"),
    ):
        with pytest.raises(errors.InvalidInputError, match=said):
            client.start_import("pets", upload)


def test_what_the_source_raises_ends_the_upload(direct):
    before = len(list(direct.jobs()))

    def items():
        yield item(0)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        started(direct, items())
    assert len(list(direct.jobs())) == before


def test_an_upload_is_sent_again_only_where_it_can_be(client, relay):
    relay.faults = [TOO_MANY]
    assert started(client, lines([item(0)]), format="ndjson").total == 1
    assert len(relay.calls) == 2
    relay.calls.clear()
    relay.faults = [BUSY]
    with pytest.raises(errors.OverloadedError):
        started(client, lines([item(0)]), format="ndjson")
    relay.faults = [TOO_MANY]
    with pytest.raises(errors.SearchByImageError):
        started(client, [item(0)])
    assert len(relay.calls) == 2


# How far it is


def test_jobs_are_listed_the_latest_first(direct):
    made = [started(direct, [item(n)]).id for n in range(3)]
    for id_ in made:
        direct.wait_for_job(id_)
    assert [job.id for job in direct.jobs(collection="pets", limit=2)][:3] == made[::-1]
    assert list(direct.jobs(collection="none")) == []
    assert made[0] in [job.id for job in direct.jobs(state="succeeded")]
    assert made[0] not in [job.id for job in direct.jobs(state="cancelled")]


def test_failed_items_page_by_page(direct):
    job = direct.wait_for_job(started(direct, [{"id": f"p{n}"} for n in range(25)]).id)
    assert (job.state, job.counts.failed, len(job.errors)) == ("succeeded", 25, 10)
    found = list(direct.job_errors(job.id, limit=10))
    assert [error.number for error in found] == list(range(1, 26))
    assert found[0].code == "invalid_request" or found[0].message


def test_progress_is_told_and_a_job_can_be_cancelled(direct, web):
    web.may_answer.clear()
    try:
        job = started(direct, [*[item(n) for n in range(8)], *[f"{web.url}/{n}.png" for n in range(20)]])
        seen = []

        def on_progress(now):
            seen.append(now)
            if now.counts.created >= 8:
                web.may_answer.set()

        ended = direct.wait_for_job(job.id, on_progress=on_progress)
    finally:
        web.may_answer.set()
    assert [one.done for one in seen] == sorted(one.done for one in seen)
    assert {"running", "succeeded"} <= {one.state for one in seen}
    assert (ended.done, seen[-1].state, len(seen) >= 3) == (28, "succeeded", True)
    assert len({(one.state, one.done) for one in seen}) == len(seen)
    web.may_answer.clear()
    try:
        job = started(direct, [f"{web.url}/{n}.png" for n in range(40)])
        assert direct.cancel_job(job.id).state in ("cancelling", "cancelled")
        assert direct.wait_for_job(job.id).state == "cancelled"
    finally:
        web.may_answer.set()


# Its end


@pytest.fixture
def quick_looks(monkeypatch):
    monkeypatch.setattr(waiting, "POLL", 0.01)


def test_without_events_the_job_is_asked_for(client, relay, web, quick_looks):
    """The relay answers with the events only when they have ended, or not at all."""
    web.may_answer.clear()
    job = started(client, lines([{"url": f"{web.url}/1.png"}]), format="ndjson")
    relay.calls.clear()
    relay.faults = [BUSY, None, PAGE, None, CUT, None, TOO_MANY, None]
    seen = []

    def on_progress(now):
        seen.append(now.state)

    web.may_answer.set()
    assert client.wait_for_job(job.id, on_progress=on_progress).state == "succeeded"
    assert relay.calls[:2] == [("GET", f"/v1/jobs/{job.id}/events"), ("GET", f"/v1/jobs/{job.id}")]
    assert seen[-1] == "succeeded"


def test_a_service_that_is_away_for_a_while_is_waited_for(client, relay, quick_looks):
    job = started(client, lines([item(1)]), format="ndjson")
    relay.faults = [CUT, *AWAY, CUT, *AWAY, PAGE, PAGE, PAGE, PAGE, PAGE]
    assert client.wait_for_job(job.id).state == "succeeded"
    for faults, kind in (([CUT, *AWAY], NoAnswerError), ([PAGE] * 5, UnexpectedAnswerError)):
        relay.faults = faults
        with pytest.raises(kind):
            client.wait_for_job(job.id, patience=0)


def test_who_waits_for_too_long_is_told(direct, web):
    web.may_answer.clear()
    try:
        job = started(direct, [f"{web.url}/1.png"])
        with pytest.raises(NotEndedError, match=f"{job.id} has not ended after 0.3 seconds"):
            direct.wait_for_job(job.id, timeout=0.3)
    finally:
        web.may_answer.set()
    assert direct.wait_for_job(job.id, timeout=PATIENCE).state == "succeeded"


def test_a_job_that_there_is_not(direct):
    for call in (direct.job, direct.cancel_job, direct.wait_for_job, lambda id_: list(direct.job_errors(id_))):
        with pytest.raises(errors.NotFoundError):
            call("0" * 21)

"""A job's progress as server-sent events."""

import json

import pytest

from job_service import NDJSON, job_service, ndjson, web_server


@pytest.fixture(scope="module")
def web():
    with web_server() as web:
        yield web


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with job_service(tmp_path_factory.mktemp("events"), streams=2) as service:
        yield service


def begun(service, web, count=12):
    """A job whose pictures have to wait."""
    web.may_answer.clear()
    return service.start(ndjson({"url": f"{web.url}/{n}.png"} for n in range(count)), NDJSON).json()["id"]


def stream(service, job_id, last=None):
    headers = {} if last is None else {"Last-Event-ID": last}
    return service.http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers)


def blocks(answer):
    """Each event, or comment, as a dictionary of its lines."""
    block = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            block[name] = value
        else:
            yield block
            block = {}


def test_progress_until_the_end_with_signs_of_life(service, web):
    job_id, seen = begun(service, web), []
    with stream(service, job_id) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        for block in blocks(answer):
            seen.append(block)
            if block.get("") == "heartbeat":
                web.may_answer.set()
    assert seen[0] == {"retry": "2000"}
    assert {"": "heartbeat"} in seen
    events = [block for block in seen if "event" in block]
    assert [event["event"] for event in events] == ["progress"] * (len(events) - 1) + ["end"]
    told = [json.loads(event["data"]) for event in events]
    assert [job["done"] for job in told] == sorted(job["done"] for job in told)
    assert len({job["done"] for job in told}) > 1
    assert (told[-1]["state"], told[-1]["done"]) == ("succeeded", 12)
    numbers = [int(event["id"]) for event in events[:-1]]
    assert numbers == sorted(set(numbers))
    assert events[-1]["id"] == "end"


def test_who_comes_back_hears_only_what_is_new(service, web):
    job_id = begun(service, web)
    with stream(service, job_id) as answer:
        last = next(block["id"] for block in blocks(answer) if block.get("event") == "progress")
    service.until(job_id, lambda job: job["state"] == "running")
    with stream(service, job_id) as answer:
        now = next(block["id"] for block in blocks(answer) if block.get("event") == "progress")
    with stream(service, job_id, now) as answer:
        for block in blocks(answer):
            if block.get("") == "heartbeat":
                web.may_answer.set()
            if "event" in block:
                assert block["id"] != now
                break
    web.may_answer.set()
    service.ended(job_id)
    assert int(now) >= int(last)


@pytest.mark.parametrize("last", [None, "1", "no event of ours"])
def test_of_an_ended_job_there_is_the_end(service, web, last):
    job_id = begun(service, web)
    web.may_answer.set()
    service.ended(job_id)
    with stream(service, job_id, last) as answer:
        assert [block["event"] for block in blocks(answer) if "event" in block] == ["end"]


def test_who_has_heard_of_the_end_is_sent_away(service, web):
    job_id = begun(service, web)
    web.may_answer.set()
    service.ended(job_id)
    with stream(service, job_id, "end") as answer:
        assert answer.status_code == 204


def test_so_many_streams_at_once(service, web):
    job_id = begun(service, web)
    with stream(service, job_id) as first, stream(service, job_id) as second:
        heard = [blocks(first), blocks(second)]
        assert [next(one) for one in heard] == [{"retry": "2000"}] * 2
        refused = service.http.get(f"/v1/jobs/{job_id}/events")
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert refused.headers["retry-after"] == "10"
        web.may_answer.set()
        assert [list(one)[-1]["event"] for one in heard] == ["end", "end"]
    with stream(service, job_id) as answer:
        assert answer.status_code == 200


def test_a_stream_does_not_keep_the_service_from_being_stopped(service, web):
    job_id = begun(service, web)
    with stream(service, job_id) as answer:
        heard = blocks(answer)
        assert next(heard) == {"retry": "2000"}
        service.app.state.lifecycle.is_stopping = True
        assert "end" not in [block.get("event") for block in heard]
    service.app.state.lifecycle.is_stopping = False
    web.may_answer.set()
    assert service.ended(job_id)["state"] == "succeeded"

"""Bodies that are too large or too slow, through an ASGI server of the test's own."""

import asyncio
import json

import pytest

from search_by_image.api.bodies import Bodies, BodyLimits

OLD = "/api/SearchServer/ImportByUpload"
LIMITS = {"max_bytes": 10, "pause": 30.0, "seconds": 60.0}


def part(data, more=True):
    return {"type": "http.request", "body": data, "more_body": more}


class Caller:
    """Sends these parts; then nothing any more."""

    def __init__(self, *parts):
        self.parts = list(parts)
        self.taken = 0

    async def __call__(self):
        if self.taken == len(self.parts):
            await asyncio.Event().wait()
        self.taken += 1
        return self.parts[self.taken - 1]


async def reads_all(scope, receive, send):
    """Answers with how much it got; with 299 when the caller left."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            await send({"type": "http.response.start", "status": 299, "headers": []})
            return
        size += len(message["body"])
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def answer(caller, app=reads_all, *, path="/v1/x", headers=(), **limits):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": list(headers)}
    asyncio.run(asyncio.wait_for(Bodies(app, limits=BodyLimits(**{**LIMITS, **limits}))(scope, caller, send), 30))
    assert [message["type"] for message in sent].count("http.response.start") == 1
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent[1:])


def test_a_body_within_its_limits_arrives_whole():
    assert answer(Caller(part(b"12345"), part(b""), part(b"67890", more=False)))[::2] == (200, b"10")


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"3")], [(b"transfer-encoding", b"chunked")]])
def test_what_is_too_large_is_cut_off_whatever_it_declared(headers):
    caller = Caller(part(b"12345"), part(b"678901"), part(b"never read"))
    status, answered, body = answer(caller, headers=headers)
    assert (status, json.loads(body)["code"], answered[b"connection"]) == (413, "image_too_large", b"close")
    assert caller.taken == 2


def test_what_says_that_it_is_too_large_is_not_read():
    caller = Caller(part(b"1"))
    status, _, _ = answer(caller, headers=[(b"content-length", b"11")])
    assert (status, caller.taken) == (413, 0)


@pytest.mark.parametrize("limits", [{"pause": 0.05}, {"seconds": 0.05}, {"seconds": 0.0}])
@pytest.mark.parametrize("caller", [Caller(), Caller(part(b"123"))], ids=["silent", "begun"])
def test_what_comes_too_slowly_is_cut_off(caller, limits):
    caller.taken = 0
    status, answered, body = answer(caller, **limits)
    assert (status, json.loads(body)["code"], answered[b"connection"]) == (408, "request_timeout", b"close")


def test_drops_that_come_in_time_end_with_the_whole_time():
    class Dripping(Caller):
        async def __call__(self):
            await asyncio.sleep(0.01)
            return part(b"")

    assert answer(Dripping(), pause=5.0, seconds=0.1)[0] == 408


@pytest.mark.parametrize(("caller", "status"), [(Caller(part(b"12345678901")), "20003"), (Caller(), "20013")])
def test_old_calls_are_answered_in_their_words(caller, status):
    code, _, body = answer(caller, path=OLD, pause=0.05)
    assert code == 200
    assert json.loads(body)["status"] == status
    assert json.loads(body)["interface_seq_id"] == ""


def test_after_the_body_the_caller_may_wait_as_long_as_it_likes():
    async def waits(scope, receive, send):
        await receive()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.2)
        await reads_all(scope, Caller(part(b"", more=False)), send)

    assert answer(Caller(part(b"1", more=False)), waits, pause=0.05, seconds=0.1)[0] == 200


def test_an_answer_that_is_under_way_is_not_followed_by_another():
    async def early(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.body", "body": b"done"})

    assert answer(Caller(), early, pause=0.05)[::2] == (200, b"done")


def test_the_refusal_stands_also_when_the_application_breaks_on_it():
    async def breaks(scope, receive, send):
        if (await receive())["type"] == "http.disconnect":
            raise ConnectionError

    with pytest.raises(ConnectionError):
        answer(Caller(), breaks, pause=0.05)

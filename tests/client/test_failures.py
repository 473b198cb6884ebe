"""Refusals as errors, calls made once more, what is never made twice."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cheap_library import picture
from client.relay import CUT, LOST
from search_by_image import errors
from search_by_image.client import ClientError, NewImage, NoAnswerError, Retries, ServiceError, UnexpectedAnswerError
from search_by_image.client.call import Call, nothing
from search_by_image.client.errors import refusal
from search_by_image.client.retry_after import retry_after
from search_by_image.keys import Keys, Scope

KIND = {"Content-Type": "application/problem+json", "Retry-After": "0"}
PROBLEM = b'{"type":"","title":"","status":%d,"code":"%s","detail":"Too much."}'
BUSY = (503, KIND, PROBLEM % (503, b"overloaded"))
TOO_MANY = (429, KIND, PROBLEM % (429, b"too_many_requests"))
PAGE = (502, {"Content-Type": "text/html"}, b"<h1>Bad Gateway</h1>")


def put(client, key="a", seed=1, **options):
    return client.put_image("pets", key, picture(seed), pipeline="Thumb", **options)


# Errors


def test_a_refusal_is_the_error_of_the_library_and_tells_what_the_service_said(client):
    with pytest.raises(errors.NotAnImageError) as caught:
        client.put_image("pets", "a", b"no picture", pipeline="Thumb")
    error = caught.value
    assert isinstance(error, ServiceError)
    assert isinstance(error, ClientError)
    assert isinstance(error, errors.ImageError)
    assert (error.status, error.code) == (422, "not_an_image")
    assert error.detail == str(error)
    assert len(error.request_id) > 8
    assert error.retry_after is None


def test_mistakes_have_their_places(client):
    with pytest.raises(ServiceError) as caught:
        client.page("pets", limit=0)
    assert caught.value.code == "invalid_request"
    assert [mistake.path for mistake in caught.value.errors] == ["query.limit"]


def kinds_below(kind):
    for below in kind.__subclasses__():
        if not issubclass(below, ClientError):
            yield below
            yield from kinds_below(below)


def test_every_code_is_raised_as_its_class():
    kinds = [kind for kind in kinds_below(errors.SearchByImageError) if "code" in vars(kind)]
    assert len(kinds) > 20
    for kind in kinds:
        content = {"type": "", "title": "", "status": int(kind.status), "code": kind.code, "detail": "Why."}
        request = httpx.Request("GET", "http://x/")
        headers = {"content-type": "application/problem+json"}
        error = refusal(httpx.Response(kind.status, json=content, headers=headers, request=request))
        assert isinstance(error, kind)
        assert (error.code, error.status, str(error)) == (kind.code, kind.status, "Why.")


def test_what_is_no_answer_of_the_service_is_told(client, relay):
    for answer in (
        (404, {"Content-Type": "text/html"}, b"<h1>secret-of-mine</h1>"),
        (404, {"Content-Type": "application/problem+json"}, b"{"),
        (499, *BUSY[1:]),
        (200, {"Content-Type": "application/json"}, b'{"id": 5}'),
        (301, {"Location": "https://elsewhere.example/"}, b""),
    ):
        relay.faults = [answer]
        with pytest.raises(UnexpectedAnswerError, match=r"127\.0\.0\.1 answered") as caught:
            client.get_image("pets", "a")
        assert caught.value.http_status == answer[0]
        assert "secret-of-mine" not in str(caught.value)


def test_a_page_of_a_proxy_is_not_taken_for_a_picture_that_is_not_there(client, relay):
    put(client)
    page = (404, {"Content-Type": "text/html"}, b"")
    for call in (
        lambda: client.find_image("pets", "a"),
        lambda: client.version_of("pets", "a"),
        client.is_ready,
    ):
        relay.faults = [page]
        with pytest.raises(UnexpectedAnswerError):
            call()
    relay.faults = [BUSY, page]
    with pytest.raises(UnexpectedAnswerError):
        client.delete_image("pets", "a")


def test_a_service_that_is_not_there(open_client):
    client = open_client("http://127.0.0.1:9")
    with pytest.raises(NoAnswerError, match=r"127\.0\.0\.1 gave no answer: .* Is the service running"):
        client.info()


def test_silence_ends(open_client, serve):
    server = serve(lambda exchange: exchange.stop.wait(20))
    client = open_client(f"http://127.0.0.1:{server.port}", timeout=0.2, retries=Retries(attempts=2, base=0.001))
    with pytest.raises(NoAnswerError):
        client.info()
    assert server.accepted == 2


@pytest.mark.parametrize("url", ["", "127.0.0.1:8002", "ftp://x", "http://", "http://user:pw@x", "http://x:port", None])
def test_an_address_that_cannot_be_is_refused(open_client, url):
    with pytest.raises(errors.InvalidInputError) as caught:
        open_client(url)
    assert "pw" not in str(caught.value)


def test_an_address_may_have_a_path(open_client, library, relay):
    client = open_client(f"{relay.url}/behind/a/proxy/")
    with pytest.raises(errors.SearchByImageError):
        client.info()
    assert relay.calls[-1] == ("GET", "/behind/a/proxy/v1/info")


# Keys


@pytest.fixture
def key(library):
    keys = Keys(library.ledger)
    text, key = keys.create("shop", Scope.READ)
    yield text
    keys.revoke(key.id)
    keys.delete(key.id)


def test_the_key_is_sent_and_never_shown(open_client, relay, key):
    client = open_client(relay.url, key)
    assert client.info().name == "search-by-image"
    caught = []
    for refused in (
        lambda: put(client),
        lambda: open_client(relay.url, key + "x").info(),
        lambda: open_client(relay.url).info(),
        lambda: open_client(relay.url, key + "\n"),
    ):
        with pytest.raises(errors.SearchByImageError) as error:
            refused()
        caught.append(error.value)
    assert [error.code for error in caught] == ["forbidden", "unauthenticated", "unauthenticated", "invalid_input"]
    shown = repr([vars(getattr(client, "client", client)), *caught])
    assert key.split("_", 2)[2] not in shown


# Once more


FAULTS = [BUSY, PAGE, CUT, LOST]


def walked(client):
    return [image.id for image in client.images("pets")]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("put", lambda client: put(client, seed=2).id == "a"),
        ("get", lambda client: client.get_image("pets", "a").id == "a"),
        ("version", lambda client: client.version_of("pets", "a") == client.get_image("pets", "a").version),
        ("search", lambda client: client.search(picture(1), "pets").matches[0].id == "a"),
        ("page", lambda client: walked(client) == ["a"]),
        ("create", lambda client: client.create_collection("new").name == "new"),
    ],
)
def test_what_may_be_done_twice_is_made_once_more(client, relay, name, call):
    put(client)
    for fault in [*FAULTS, TOO_MANY]:
        relay.calls.clear()
        relay.faults = [fault, fault]
        assert call(client)
        assert len(relay.calls) >= 3
        assert relay.calls[0] == relay.calls[1] == relay.calls[2]
    assert walked(client) == ["a"]


def test_a_deletion_whose_answer_was_lost_is_done(client, relay):
    for fault in [*FAULTS, TOO_MANY]:
        put(client)
        relay.calls.clear()
        relay.faults = [fault]
        client.delete_image("pets", "a")
        assert len(relay.calls) == 2
        assert walked(client) == []


def test_what_may_not_be_done_twice_is_made_once(client, relay):
    version = put(client).version
    for fault in (BUSY, PAGE, CUT):
        for change in (
            lambda: client.patch_image("pets", "a", {"n": 1}),
            lambda: put(client, seed=2, create_only=True),
            lambda: put(client, seed=2, if_version=version),
            lambda: client.delete_images("pets", {"n": 1}),
        ):
            relay.calls.clear()
            relay.faults = [fault]
            with pytest.raises(errors.SearchByImageError):
                change()
            assert len(relay.calls) == 1
    assert client.version_of("pets", "a") == version


def test_what_was_refused_before_it_began_is_always_made_once_more(client, relay):
    put(client)
    relay.faults = [TOO_MANY]
    assert client.patch_image("pets", "a", {"n": 1}).document == {"n": 1}


def test_it_gives_up_with_what_was_said_last(client, relay):
    relay.faults = [CUT, BUSY, BUSY, BUSY]
    with pytest.raises(errors.OverloadedError) as caught:
        client.info()
    assert (caught.value.retry_after, len(relay.calls)) == (0, 4)
    relay.faults = [CUT] * 4
    with pytest.raises(NoAnswerError):
        client.info()


def test_a_refusal_is_not_repeated(client, relay):
    with pytest.raises(errors.NotFoundError):
        client.get_image("pets", "none")
    assert len(relay.calls) == 1


def test_a_picture_that_was_never_there_is_not_deleted_by_a_lost_answer(client, relay):
    relay.faults = [TOO_MANY]
    with pytest.raises(errors.NotFoundError):
        client.delete_image("pets", "none")


CALL = Call("GET", "/", nothing)


def answer_of(status, **headers):
    return httpx.Response(status, headers=headers, request=httpx.Request("GET", "http://x/"))


@given(attempt=st.integers(1, 20), base=st.floats(0.01, 5), longest=st.floats(0.01, 60), seed=st.integers())
def test_pauses_double_up_to_the_longest(attempt, base, longest, seed):
    retries = Retries(attempts=30, base=base, longest=longest, dice=random.Random(seed))
    pause = retries.pause(CALL, attempt, answer_of(503))
    whole = min(longest, base * 2 ** (attempt - 1))
    assert whole / 2 <= pause <= whole


@given(seconds=st.integers(0, 100), seed=st.integers())
def test_retry_after_is_kept_to(seconds, seed):
    retries = Retries(longest=50, dice=random.Random(seed))
    pause = retries.pause(CALL, 1, answer_of(429, **{"retry-after": str(seconds)}))
    if seconds > 50:
        assert pause is None
    else:
        assert seconds <= pause <= seconds + retries.base


def test_pauses_of_many_clients_differ():
    pauses = {Retries().pause(CALL, 3, answer_of(503)) for _ in range(20)}
    assert len(pauses) > 15


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7), ("0", 0), ("-1", None), ("soon", None), ("", None), ("1.5", None), ("²", None)]
)
def test_retry_after_in_seconds(text, seconds):
    assert retry_after(httpx.Response(503, headers={"retry-after": text.encode()})) == seconds


def test_retry_after_as_a_date():
    soon, past = datetime.now(UTC) + timedelta(seconds=100), datetime.now(UTC) - timedelta(days=1)
    for when, low, high in ((soon, 50, 100), (past, 0, 0)):
        for text in (format_datetime(when, usegmt=True), when.strftime("%a, %d %b %Y %H:%M:%S")):
            found = retry_after(httpx.Response(503, headers={"retry-after": text}))
            assert low <= found <= high


# Imports


def test_an_import_goes_on_over_failures_of_the_network(client, relay):
    relay.faults = [CUT, BUSY, TOO_MANY, LOST, PAGE, LOST]
    report = client.import_images("pets", [NewImage(f"p{n}", picture(n)) for n in range(8)], pipeline="Thumb")
    assert (report.imported + report.skipped, report.failed) == (8, 0)
    assert set(walked(client)) == {f"p{n}" for n in range(8)}


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ([CUT] * 40, NoAnswerError),
        ([(404, {"Content-Type": "text/html"}, b"")], UnexpectedAnswerError),
    ],
)
def test_an_import_ends_when_none_can_succeed(client, relay, faults, kind):
    relay.faults = list(faults)
    endless = (NewImage(f"p{n}", picture(n)) for n in range(1000))
    with pytest.raises(kind):
        client.import_images("pets", endless, pipeline="Thumb", parallel=2)
    assert len(relay.calls) < 100
    assert next(endless).id

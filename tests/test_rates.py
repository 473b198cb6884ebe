"""So many calls a minute: token buckets by themselves, then over an application."""

import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asking import ask
from search_by_image.api import buckets
from search_by_image.api.app import AppOptions, create_app
from search_by_image.api.buckets import Buckets
from search_by_image.api.rates import Rates, network_of
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.keys import Keys, Scope

OLD = "/api/SearchServer/GetImageDoc"


@pytest.fixture
def clock(monkeypatch):
    """`clock.now` is what the time is."""
    clock = SimpleNamespace(now=5000.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


def test_a_bucket_gives_what_is_in_it_then_what_drips_in(clock):
    bucket = Buckets(per_minute=60, burst=3)
    grants = [bucket.take("a") for _ in range(4)]
    assert [grant.allowed for grant in grants] == [True, True, True, False]
    assert [grant.remaining for grant in grants] == [2, 1, 0, 0]
    assert grants[-1].seconds == pytest.approx(1)
    assert bucket.take("b").allowed
    clock.now += 0.75
    assert bucket.take("a").seconds == pytest.approx(0.25)
    clock.now += 0.25
    assert bucket.take("a").allowed
    assert not bucket.take("a").allowed
    clock.now += 1000
    assert [bucket.take("a").allowed for _ in range(4)] == [True, True, True, False]


@given(
    st.integers(1, 600),
    st.integers(1, 20),
    st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=60),
)
def test_never_more_than_the_burst_and_the_rate(per_minute, burst, pauses):
    with pytest.MonkeyPatch.context() as patch:
        clock = SimpleNamespace(now=100.0)
        patch.setattr(time, "monotonic", lambda: clock.now)
        bucket, taken = Buckets(per_minute, burst), []
        for pause in pauses:
            clock.now += pause
            grant = bucket.take("a")
            if grant.allowed:
                taken.append(clock.now)
            assert 0 <= grant.remaining < burst
            assert 0 < grant.seconds <= 60 / per_minute + 1e-6
    for first in taken:
        for last in (moment for moment in taken if moment >= first):
            inside = sum(first <= moment <= last for moment in taken)
            assert inside <= burst + (last - first) * per_minute / 60 + 1e-3


def test_whoever_waits_as_told_gets_in(clock):
    bucket = Buckets(per_minute=7, burst=2)
    for _ in range(50):
        while (grant := bucket.take("a")).allowed:
            pass
        clock.now += grant.seconds + 1e-6
        assert bucket.take("a").allowed


def test_the_oldest_names_are_forgotten(clock, monkeypatch):
    monkeypatch.setattr(buckets, "REMEMBERED", 3)
    bucket = Buckets(per_minute=1, burst=1)
    for name in "abcad":
        bucket.take(name)
    assert [bucket.take(name).allowed for name in "cd"] == [False, False]
    assert bucket.take("b").allowed
    assert len(bucket._full_at) == 3


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_caller_is_its_network(address, network):
    assert network_of({"client": (address, 1)}) == network
    assert network_of({"client": None}) == network_of({}) == ""


@pytest.fixture
def app_of(engine):
    with UrlFetcher(FetchSettings()) as fetcher:
        yield lambda **rates: create_app(engine, fetcher, AppOptions(key_seconds=0, rates=Rates(**rates)))


@pytest.fixture
def keys(engine):
    return Keys(engine.library.ledger)


def test_an_address_that_calls_too_often_is_told_when_to_come_back(app_of, clock):
    app = app_of(address_per_minute=6, key_per_minute=0, burst=2)
    first, second, third = (ask(app, "GET", "/v1/info") for _ in range(3))
    assert first.headers["RateLimit-Policy"] == '"address";q=2;w=20'
    assert [answer.headers["RateLimit"] for answer in (first, second)] == ['"address";r=1;t=10', '"address";r=0;t=10']
    assert (third.status_code, third.json()["code"]) == (429, "rate_limited")
    assert (third.headers["Retry-After"], third.headers["RateLimit"]) == ("10", '"address";r=0;t=10')
    old = ask(app, "POST", OLD, json={})
    assert (old.status_code, old.json()["status"], old.headers["Retry-After"]) == (200, "20012", "10")
    clock.now += 10
    assert ask(app, "GET", "/v1/info").status_code == 200


def test_what_is_open_to_all_is_not_counted(app_of, clock):
    app = app_of(address_per_minute=1, burst=1)
    for path in ("/healthz", "/readyz", "/", "/static/app.js", "/docs") * 3:
        answer = ask(app, "GET", path)
        assert answer.status_code == 200
        assert "RateLimit" not in answer.headers


def test_wrong_keys_count_too(app_of, keys, clock):
    keys.create("one", Scope.READ)
    app = app_of(address_per_minute=1, burst=3)
    answers = [ask(app, "GET", "/v1/info", headers={"X-API-Key": "sbi_no_no"}).status_code for _ in range(5)]
    assert answers == [401, 401, 401, 429, 429]
    assert ask(app, "GET", "/nowhere").status_code == 429


def test_each_key_has_a_rate_of_its_own(app_of, keys, clock):
    one, other = ({"X-API-Key": keys.create(name, Scope.READ)[0]} for name in ("one", "other"))
    app = app_of(address_per_minute=600, key_per_minute=1, burst=2)
    answers = [ask(app, "GET", "/v1/info", headers=one) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[1].headers["RateLimit-Policy"] == '"address";q=2;w=1, "key";q=2;w=120'
    assert answers[1].headers["RateLimit"] == '"address";r=0;t=1, "key";r=0;t=60'
    clock.now += 1
    assert ask(app, "GET", "/v1/info", headers=other).status_code == 200
    clock.now += 1
    assert ask(app, "GET", "/v1/info", headers=one).status_code == 429


def test_without_limits_nothing_is_counted_or_told(app_of, clock):
    app = app_of(address_per_minute=0, key_per_minute=0, burst=1)
    answers = [ask(app, "GET", "/v1/info") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit" not in answers[0].headers


def test_what_an_answer_tells_of_limits_is_described(app_of, clock):
    app = app_of(address_per_minute=6, key_per_minute=0, burst=1)
    answers = {str(answer.status_code): answer for answer in (ask(app, "GET", "/v1/collections") for _ in range(2))}
    described = app.openapi()["paths"]["/v1/collections"]["get"]["responses"]
    assert set(answers) == {"200", "429"}
    for status, answer in answers.items():
        assert {"RateLimit", "RateLimit-Policy"} <= set(described[status]["headers"])
        required = {name for name, header in described[status]["headers"].items() if header.get("required")}
        assert {name.lower() for name in required} <= set(answer.headers)

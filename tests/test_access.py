"""Who may call what: keys, scopes and collections, on the old calls and the new ones."""

import asyncio
import base64
import logging
import time
from typing import Annotated

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from asking import ask
from cheap_library import Thumbnail, picture
from search_by_image.api.access import declared_scope, is_public, key_in, routes_of
from search_by_image.api.app import AppOptions, create_app
from search_by_image.api.callers import Caller, requires
from search_by_image.demo.routes import add_demo_routes
from search_by_image.errors import ForbiddenError, StoreUnavailableError
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.keys import Keys, Scope
from search_by_image.plugins import Features
from search_by_image.records.base import Match

OLD = "/api/SearchServer/"
FORM = {"pipeline": "Thumb", "image_doc": "{}"}
CALLS = {
    "SearchByUpload": ("read", {"data": FORM, "files": {"file": ("1.png", picture(1))}}),
    "SearchByBase64": ("read", {"json": {"pipeline": "Thumb", "file": ""}}),
    "SearchByUrl": ("read", {"json": {"pipeline": "Thumb", "url": ""}}),
    "GetImageDoc": ("read", {"json": {}}),
    "ImportByUpload": ("write", {"data": FORM, "files": {"file": ("1.png", picture(1))}}),
    "ImportByBase64": ("write", {"json": {"pipeline": "Thumb", "file": "", "image_doc": {}}}),
    "ImportByUrl": ("write", {"json": {"pipeline": "Thumb", "url": "", "image_doc": {}}}),
    "RemoveImageDoc": ("write", {"json": {"field_name": "id", "field_values": "none"}}),
}
PUBLIC = {
    "/",
    "/static",
    "/healthz",
    "/readyz",
    "/docs",
    "/docs/page",
    "/docs/swagger",
    "/demo/photos",
    "/demo/credits",
}
SHOP = "https://shop.example.com"


@pytest.fixture
def app_of(engine):
    with UrlFetcher(FetchSettings()) as fetcher:
        yield lambda **options: create_app(engine, fetcher, AppOptions(**{"key_seconds": 0} | options))


@pytest.fixture
def app(app_of):
    return app_of()


@pytest.fixture
def keys(engine):
    return Keys(engine.library.ledger)


@pytest.fixture
def key_of(keys):
    """The headers of a new key."""

    def make(scope, *collections, **options):
        return {"X-API-Key": keys.create("test", Scope(scope), collections=collections, **options)[0]}

    return make


def status(answer):
    """Of an old call."""
    assert answer.status_code == 200
    return answer.json()["status"]


def old(app, name, headers, **changes):
    request = CALLS[name][1]
    kind = "json" if "json" in request else "data"
    return ask(app, "POST", OLD + name, headers=headers, **{**request, kind: {**request[kind], **changes}})


# Routes


@pytest.mark.parametrize("own_page", [False, True])
def test_every_route_says_who_may_call_it(app_of, tmp_path, own_page):
    app = app_of(static_path=tmp_path if own_page else None)
    add_demo_routes(app, tmp_path, tmp_path)
    routes = list(routes_of(app))
    assert len(routes) > 15
    assert [route.path for route in routes if not is_public(route) and declared_scope(route) is None] == []
    assert {route.path or "/" for route in routes if is_public(route)} <= PUBLIC


def test_a_route_that_says_nothing_is_refused_to_all(app, key_of, caplog):
    ran = []
    app.add_api_route("/v1/forgotten", lambda: ran.append(1), methods=["GET", "POST"])
    assert ask(app, "GET", "/v1/forgotten").status_code == 403
    assert ask(app, "POST", "/v1/forgotten", headers=key_of("admin")).json()["code"] == "forbidden"
    assert ran == []
    assert "/v1/forgotten says not what it requires" in caplog.text


def test_a_route_is_found_out_of_many_as_the_router_finds_it(app, key_of):
    async def answer(caller: Annotated[Caller, requires(Scope.ADMIN)]) -> str:
        return caller.name

    app.add_api_route("/v1/{anything}", answer, methods=["GET", "DELETE"])
    assert ask(app, "GET", "/v1/info", headers=key_of("read")).status_code == 200
    assert ask(app, "GET", "/v1/other", headers=key_of("read")).status_code == 403
    assert ask(app, "DELETE", "/v1/info", headers=key_of("write")).status_code == 403
    assert ask(app, "DELETE", "/v1/info", headers=key_of("admin")).json() == "test"


# Without a key


def test_while_there_is_no_key_anyone_may_do_everything(app):
    assert ask(app, "GET", "/v1/info").status_code == 200
    for name in CALLS:
        assert status(old(app, name, {})) in ("00000", "10001"), name


def test_with_a_key_nobody_else_gets_in(app, key_of):
    key_of("read")
    for name in CALLS:
        assert status(old(app, name, {})) == "20010", name
    for path in ("/v1/info", "/openapi.json", "/nowhere", "/v1/nowhere", "/healthz/../v1/info"):
        answer = ask(app, "GET", path)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "unauthenticated"
    for path in ("/", "/static/app.js", "/healthz", "/readyz", "/docs", "/docs/page/docs.js"):
        assert ask(app, "GET", path).status_code == 200, path


def test_a_service_that_is_not_for_anyone_lets_nobody_in_while_there_is_no_key(app_of):
    app = app_of(anonymous=False)
    assert ask(app, "GET", "/v1/info").status_code == 401
    assert status(old(app, "GetImageDoc", {})) == "20010"
    assert ask(app, "GET", "/healthz").status_code == 200


def test_a_revoked_or_expired_key_does_not_open_the_service_again(app, keys):
    _, key = keys.create("last", Scope.ADMIN, days=-1)
    assert ask(app, "GET", "/v1/info").status_code == 401
    keys.revoke(key.id)
    assert ask(app, "GET", "/v1/info").status_code == 401
    keys.delete(key.id)
    assert ask(app, "GET", "/v1/info").status_code == 200


@pytest.mark.parametrize("path", [OLD + "ImportByUpload", OLD + "ImportByBase64", "/v1/anything"])
def test_nothing_is_read_of_a_request_that_is_refused(app, key_of, path):
    key_of("read")

    async def receive():
        raise AssertionError("the body was read")

    answers = []

    async def send(message):
        answers.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b"", "client": ("x", 1)}
    asyncio.run(app(scope, receive, send))
    assert answers[0]["status"] in (200, 401)
    assert b"API key is needed" in answers[1]["body"]


# With a key


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("name", CALLS)
def test_old_calls_need_their_scope(app, key_of, name, scope):
    answer = status(old(app, name, key_of(scope)))
    assert (answer == "20011") == (CALLS[name][0] == "write" and scope == "read")
    assert answer in ("00000", "10001", "20011")


@pytest.mark.parametrize("sent", ["Bearer {}", "bearer {}", "BEARER   {} "])
def test_a_key_may_be_sent_as_a_bearer_token(app, key_of, sent):
    key = key_of("read")["X-API-Key"]
    assert ask(app, "GET", "/v1/info", headers={"Authorization": sent.format(key)}).status_code == 200


def test_a_wrong_key_is_refused_also_where_another_one_is_right(app, key_of):
    right = key_of("read")["X-API-Key"]
    headers = {"Authorization": f"Bearer {right}x", "X-API-Key": right}
    assert ask(app, "GET", "/v1/info", headers=headers).status_code == 401
    for wrong in (right[:-1], right.replace("sbi", "SBI"), "sbi_x_y", "sbi__", "x" * 9000, "\x00", "é"):
        answer = ask(app, "GET", "/v1/info", headers=[(b"X-API-Key", wrong.encode("latin-1"))])
        assert answer.status_code == 401, wrong
        assert right.split("_", 2)[2] not in answer.text


@given(st.binary(max_size=60))
def test_a_header_with_anything_in_it_gives_a_text(value):
    for name in (b"authorization", b"x-api-key"):
        assert isinstance(key_in(Headers(raw=[(name, value)])), str)


def test_another_login_than_a_key_is_none(app, key_of):
    key_of("read")
    assert ask(app, "GET", "/v1/info", headers={"Authorization": "Basic Zm9vOmJhcg=="}).status_code == 401


def test_a_key_that_is_made_or_revoked_counts_after_the_seconds_that_a_look_up_holds(app_of, keys, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    app = app_of(key_seconds=3)

    def get(**headers):
        return ask(app, "GET", "/v1/info", headers=headers).status_code

    assert get() == 200
    text, key = keys.create("first", Scope.READ)
    assert (get(), get(**{"X-API-Key": text})) == (200, 200)
    now[0] += 3
    assert (get(), get(**{"X-API-Key": text})) == (401, 200)
    keys.revoke(key.id)
    assert get(**{"X-API-Key": text}) == 200
    now[0] += 3
    assert get(**{"X-API-Key": text}) == 401


def test_without_its_keys_the_service_lets_nobody_in(app, key_of, engine, monkeypatch):
    headers = key_of("read")

    def away(*_about, **_more):
        raise StoreUnavailableError("The record store does not answer.")

    monkeypatch.setattr("search_by_image.keys.Keys.find", away)
    answer = ask(app, "GET", "/v1/info", headers=headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert status(old(app, "GetImageDoc", headers)) == "20009"
    assert ask(app, "GET", "/healthz").status_code == 200


def test_another_origin_asks_first_without_a_key_and_reads_that_one_is_needed(app_of, key_of):
    key_of("read")
    app = app_of(cors_origins=(SHOP,))
    wanted = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-api-key,authorization"}
    preflight = ask(app, "OPTIONS", "/v1/info", headers={"Origin": SHOP, **wanted})
    assert preflight.status_code == 200
    assert "x-api-key" in preflight.headers["access-control-allow-headers"].lower()
    refused = ask(app, "GET", "/v1/info", headers={"Origin": SHOP})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, SHOP)


def test_the_description_says_how_keys_are_sent(app):
    description = ask(app, "GET", "/openapi.json").json()
    assert description["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
    for path, scope in (("/v1/info", "read"), (OLD + "GetImageDoc", "read"), (OLD + "RemoveImageDoc", "write")):
        assert [call["security"] for call in description["paths"][path].values()] == [[{"ApiKey": [scope]}]]
    assert description["paths"]["/v1/collections/{collection}"]["put"]["security"] == [{"ApiKey": ["admin"]}]
    assert "security" not in description["paths"]["/healthz"]["get"]


def test_the_log_names_the_key_and_not_its_text(app, keys, caplog):
    caplog.set_level(logging.INFO, "search_by_image.requests")
    text, _ = keys.create("shop window", Scope.READ)
    for headers in ({"X-API-Key": text}, {"Authorization": f"Bearer {text}"}, {"X-API-Key": text + "x"}):
        ask(app, "GET", "/v1/info", headers=headers)
    lines = [record.getMessage() for record in caplog.records if record.name == "search_by_image.requests"]
    assert [line.endswith(" key=shop window") for line in lines] == [True, True, False]
    assert text.split("_", 2)[2] not in caplog.text


# Collections


@pytest.fixture
def filled(engine):
    """One picture in each of three collections; the pipeline leaves the choice to the caller."""
    for number, name in enumerate(("images", "cats", "dogs")):
        engine.image_to_search_db(picture(number), {"id": name}, "Thumb", name)
    return engine


def ids(answer, images="images"):
    assert status(answer) == "00000", answer.json()
    return sorted(one["id"] for one in answer.json()[images])


def test_a_key_with_collections_sees_only_those(app, key_of, filled):
    headers = key_of("read", "cats", "birds")
    assert [one["name"] for one in ask(app, "GET", "/v1/info", headers=headers).json()["collections"]] == ["cats"]
    assert ids(old(app, "GetImageDoc", headers, collection="cats")) == ["cats"]
    assert status(old(app, "GetImageDoc", headers, collection="dogs")) == "20011"
    assert ids(old(app, "SearchByUpload", headers, collection="cats"), "match_images") == ["cats"]
    for other in ("dogs", "images", ""):
        refused = old(app, "SearchByUpload", headers, collection=other)
        assert status(refused) == "20011"
        assert "match_images" not in refused.json()


def test_all_collections_are_the_only_one_or_refused(app, key_of, filled):
    assert ids(old(app, "GetImageDoc", key_of("read"))) == ["cats", "dogs", "images"]
    assert ids(old(app, "GetImageDoc", key_of("read", "cats"))) == ["cats"]
    assert status(old(app, "GetImageDoc", key_of("read", "cats", "dogs"))) == "20011"


def test_a_key_with_collections_imports_only_there(app, key_of, filled):
    headers = key_of("admin", "cats", "new")
    for name in ("cats", "new"):
        assert status(old(app, "ImportByUpload", headers, collection=name)) == "00000"
    for name in ("dogs", "other", ""):
        assert status(old(app, "ImportByUpload", headers, collection=name)) == "20011"
    assert filled.library.collections() == ("cats", "dogs", "images", "new")
    assert filled.library.count() == 5


def test_what_counts_is_the_collection_that_the_pipeline_chooses(app, key_of, filled, monkeypatch):
    monkeypatch.setattr(Thumbnail, "process", lambda *_: Features(np.ones(192, np.float32), "dogs"))
    files = {"file": ("9.png", picture(9))}
    for limited, expected in (("cats", "20011"), ("dogs", "00000")):
        for name in ("ImportByUpload", "SearchByUpload"):
            form = {**FORM, "collection": "cats"}
            answer = ask(app, "POST", OLD + name, headers=key_of("write", limited), data=form, files=files)
            assert status(answer) == expected
    assert filled.library.count(Match(collection="dogs")) == 2
    assert filled.library.count(Match(collection="cats")) == 1


def test_a_key_with_collections_removes_only_there(app, key_of, filled):
    headers = key_of("write", "cats", "birds")
    everything = {"field_name": None, "field_values": None, "all": True}
    for name in ("dogs", ""):
        assert status(old(app, "RemoveImageDoc", headers, collection=name, **everything)) == "20011"
    assert filled.library.count() == 3
    assert ids(old(app, "RemoveImageDoc", headers, collection="cats", **everything)) == ["cats"]
    assert ids(old(app, "RemoveImageDoc", key_of("write", "dogs"), **everything)) == ["dogs"]
    assert filled.library.count() == 1


def test_a_collection_that_is_not_there_tells_nothing_of_others(app, key_of, filled):
    headers = key_of("admin", "cats", "birds")
    answers = [
        old(app, "SearchByUpload", headers, collection="birds"),
        old(app, "GetImageDoc", headers, collection="birds"),
        ask(app, "GET", "/v1/collections/birds", headers=headers),
        ask(app, "GET", "/v1/collections/birds/images", headers=headers),
        ask(app, "DELETE", "/v1/collections/birds?confirm=birds", headers=headers),
    ]
    for answer in answers:
        assert "Known: cats." in answer.text
        assert "dogs" not in answer.text
    assert "cats, dogs, images" in ask(app, "GET", "/v1/collections/birds", headers=key_of("read")).text


MODERN = [
    ("GET", "", None),
    ("PUT", "", None),
    ("DELETE", "?confirm=dogs", None),
    ("GET", "/images", None),
    ("GET", "/images/dogs", None),
    ("HEAD", "/images/dogs", None),
    ("PUT", "/images/dogs", {"image": {"base64": ""}, "pipeline": "Thumb"}),
    ("PATCH", "/images/dogs", {}),
    ("DELETE", "/images/dogs", None),
    ("POST", "/images:delete", {"filter": {}, "all": True}),
    ("POST", "/search", {"image": {"id": "dogs"}, "pipeline": "Thumb"}),
]


@pytest.mark.parametrize("call", MODERN, ids=lambda call: "".join(call[:2]))
def test_modern_calls_keep_a_key_within_its_collections(app, key_of, filled, call):
    method, path, body = call
    request = {"json": body} if body is not None else {}
    answer = ask(app, method, f"/v1/collections/dogs{path}", headers=key_of("admin", "cats"), **request)
    assert answer.status_code == 403
    assert filled.library.count() == 3
    assert "dogs" in filled.library.collections()


def test_modern_searches_over_several_collections_keep_within_those_of_the_key(app, key_of, filled):
    search = {"images": [{"base64": base64.b64encode(picture(2)).decode()}], "pipeline": "Thumb"}
    found = ask(app, "POST", "/v1/search", headers=key_of("read", "cats", "images"), json=search).json()["matches"]
    assert {match["collection"] for match in found} == {"cats", "images"}
    for more in ({"collections": ["cats", "dogs"]}, {"images": [{"id": "dogs", "collection": "dogs"}]}):
        refused = ask(app, "POST", "/v1/search", headers=key_of("read", "cats", "images"), json=search | more)
        assert refused.status_code == 403
    stored = {"images": [{"id": "dogs", "collection": "dogs"}, {"id": "cats", "collection": "cats"}]}
    assert ask(app, "POST", "/v1/compare", headers=key_of("read", "cats"), json=stored).status_code == 403
    listed = ask(app, "GET", "/v1/collections", headers=key_of("read", "cats")).json()["collections"]
    assert [one["name"] for one in listed] == ["cats"]


def test_a_caller_without_limits():
    caller = Caller(scope=Scope.READ)
    caller.check("anything")
    assert (caller.everywhere(), caller.allowed(("a", "b")), caller.is_limited) == ("", ["a", "b"], False)
    with pytest.raises(ForbiddenError, match="write"):
        caller.check_scope(Scope.WRITE)
    with pytest.raises(ForbiddenError):
        Caller().check_scope(Scope.READ)

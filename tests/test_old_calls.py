"""The eight calls of spec.md section 6, over a real connection."""

import base64
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cheap_library import open_library, picture
from search_by_image.api.app import AppOptions, create_app
from search_by_image.engine import SearchEngine
from search_by_image.errors import OverloadedError, StoreUnavailableError
from search_by_image.fetch import FetchSettings, UrlFetcher
from serving import serving

CALLS = (
    "SearchByUpload",
    "SearchByBase64",
    "SearchByUrl",
    "ImportByUpload",
    "ImportByBase64",
    "ImportByUrl",
    "RemoveImageDoc",
    "GetImageDoc",
)


@pytest.fixture(scope="module")
def pictures():
    """A web server with a picture at /1.png, text at /text, and a redirect to a private address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.strip("/").removesuffix(".png")
            body = picture(int(name)) if name.isdigit() else b"<html>no picture</html>"
            self.send_response(200 if name != "missing" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The running application: (client, engine)."""
    engine = SearchEngine(open_library(tmp_path_factory.mktemp("library"), collections=("shop",)))
    fetcher = UrlFetcher(FetchSettings(allow_private=True, allowed_ports=(), timeout=5))
    app = create_app(engine, fetcher, AppOptions(page_size_max=100))
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client, engine
    fetcher.close()
    engine.close()


@pytest.fixture
def call(service):
    """Make one of the calls; the library starts empty."""
    client, engine = service
    engine.clear_search_db()

    def make(name, body=None, **form):
        route = f"/api/SearchServer/{name}"
        answer = client.post(route, json=body) if body is not None else client.post(route, **form)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    return make


def encoded(seed):
    return base64.b64encode(picture(seed)).decode()


def import_some(call, count=4, collection=""):
    for n in range(count):
        body = {"file": encoded(n), "image_doc": {"id": n}, "pipeline": "Thumb", "collection": collection}
        assert call("ImportByBase64", body)["status"] == "00000"


def test_upload_import_and_search(call):
    form = {"pipeline": "Thumb", "collection": "shop", "interface_seq_id": "s-1"}
    document = {"id": "猫", "url": "https://example.com/1.png"}
    file = {"file": ("1.png", picture(1), "image/png")}
    answer = call("ImportByUpload", data={**form, "image_doc": json.dumps(document)}, files=file)
    assert answer == {"interface_seq_id": "s-1", "status": "00000", "msg": "success"}
    found = call("SearchByUpload", data=form, files=file)
    (match,) = found.pop("match_images")
    assert found == {"interface_seq_id": "s-1", "status": "00000", "msg": "success"}
    assert match.items() >= {**document, "collection": "shop"}.items()
    assert set(match) == {"id", "url", "ids", "score", "distance", "collection"}
    assert 0.999 < match["score"] <= 1
    assert isinstance(match["ids"], int)


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_base64_import_and_search(call, prefix):
    body = {"file": prefix + encoded(1), "pipeline": "Thumb", "collection": "", "interface_seq_id": 7}
    imported = call("ImportByBase64", {**body, "image_doc": {"id": 1}})
    assert imported == {"interface_seq_id": 7, "status": "00000", "msg": "success"}
    found = call("SearchByBase64", body)
    assert found["interface_seq_id"] == 7
    assert [match["id"] for match in found["match_images"]] == [1]


def test_url_import_and_search(call, pictures):
    body = {"url": f"{pictures}/3.png", "pipeline": "Thumb", "interface_seq_id": "u"}
    assert call("ImportByUrl", {**body, "image_doc": {"id": 3}})["status"] == "00000"
    assert [match["id"] for match in call("SearchByUrl", body)["match_images"]] == [3]


def test_get_image_doc(call):
    import_some(call, 5)

    def get(**body):
        return [document["id"] for document in call("GetImageDoc", body)["images"]]

    assert get() == [0, 1, 2, 3, 4]
    assert get(collection="images", field_name="id", field_values=[1, 3]) == [1, 3]
    assert get(field_name="id", field_values=2) == [2]
    assert get(field_name="id", field_values="2") == []
    assert get(field_name="id", field_values=True) == []
    assert get(page_size=2, page_num=3) == [4]
    assert get(page_size=0) == [0, 1, 2, 3, 4]
    assert get(collection="shop") == []
    assert call("GetImageDoc", {"field_name": "id", "field_values": 0})["images"] == [{"id": 0, "collection": "images"}]


def test_remove_image_doc(call):
    import_some(call)
    answer = call("RemoveImageDoc", {"collection": "images", "field_name": "id", "field_values": [1, 2]})
    assert answer["status"] == "00000"
    assert answer["images"] == [{"id": 1, "collection": "images"}, {"id": 2, "collection": "images"}]
    assert [document["id"] for document in call("GetImageDoc", {})["images"]] == [0, 3]


@pytest.mark.parametrize("field", [{}, {"field_name": ""}, {"field_name": None}])
def test_a_removal_without_a_field_removes_nothing_unless_all_is_meant(call, field):
    import_some(call, 2)
    import_some(call, 1, "shop")
    refused = call("RemoveImageDoc", {"collection": "images", **field})
    assert refused["status"] == "20001"
    assert "Nothing was removed" in refused["msg"]
    assert len(call("GetImageDoc", {})["images"]) == 3
    assert len(call("RemoveImageDoc", {"collection": "images", "all": True, **field})["images"]) == 2
    assert len(call("GetImageDoc", {})["images"]) == 1


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("SearchByBase64", {"pipeline": "Thumb"}),
        ("SearchByUrl", {"pipeline": "Thumb", "url": ""}),
        ("ImportByBase64", {"pipeline": "Thumb", "image_doc": {}, "file": ""}),
        ("ImportByUrl", {"pipeline": "Thumb", "image_doc": {}}),
    ],
)
def test_no_file_is_10001(call, name, body):
    answer = call(name, {**body, "interface_seq_id": "x"})
    assert (answer["status"], answer["interface_seq_id"]) == ("10001", "x")
    assert answer["msg"]


@pytest.mark.parametrize("name", ["SearchByUpload", "ImportByUpload"])
def test_no_upload_is_10001(call, name):
    assert call(name, data={"pipeline": "Thumb", "interface_seq_id": "x", "image_doc": "{}"})["status"] == "10001"
    assert call(name)["status"] == "10001"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"file": "!!!not base64"}, "20004", "Base64"),
        ({"file": base64.b64encode(b"text").decode()}, "20002", "picture"),
        ({"file": base64.b64encode(picture(1)[:200]).decode()}, "20002", ""),
        ({"pipeline": "Nope"}, "20005", "no pipeline named 'Nope'"),
        ({"collection": "nope"}, "20005", "no collection named 'nope'"),
        ({"pipeline": 5}, "20001", "pipeline"),
        ({"file": ["x"]}, "20001", "file"),
    ],
)
def test_failures_say_what_was_wrong(call, body, status, message):
    good = {"file": encoded(1), "pipeline": "Thumb", "interface_seq_id": "q"}
    answer = call("SearchByBase64", {**good, **body})
    assert (answer["status"], answer["interface_seq_id"]) == (status, "q")
    assert message in answer["msg"]
    assert "Traceback" not in answer["msg"]


@pytest.mark.parametrize("document", ["", "{", "[]", "5", '{"a": NaN}', '{"a": "\\ud800"}', "[" * 100_000])
def test_bad_documents_are_refused(call, document):
    form = {"pipeline": "Thumb", "image_doc": document}
    answer = call("ImportByUpload", data=form, files={"file": ("1.png", picture(1))})
    assert answer["status"] == "20001"
    assert "image_doc" in answer["msg"]
    assert call("GetImageDoc", {})["images"] == []


def test_an_empty_upload_is_an_empty_picture(call):
    answer = call("SearchByUpload", data={"pipeline": "Thumb"}, files={"file": ("x.png", b"")})
    assert answer["status"] == "20002"
    assert "empty" in answer["msg"].lower()


@pytest.mark.parametrize("path", ["/missing.png", "/text"])
def test_urls_that_give_no_picture(call, pictures, path):
    answer = call("SearchByUrl", {"url": pictures + path, "pipeline": "Thumb"})
    assert answer["status"] in {"20002", "20004"}


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "gopher://x", "//x", "x", "http://", "http://[::1"])
def test_urls_of_other_schemes_are_refused(call, url):
    assert call("SearchByUrl", {"url": url, "pipeline": "Thumb"})["status"] == "20004"


def test_pages_over_the_limit_are_refused(call):
    answer = call("GetImageDoc", {"page_size": 101})
    assert answer["status"] == "20001"
    assert "page_size 101 is over 100" in answer["msg"]


@pytest.mark.parametrize("seq", ["s", "", 7, 0.5, True, None, '猫 " \\ \n'])
def test_the_callers_number_comes_back(call, seq):
    assert call("GetImageDoc", {"interface_seq_id": seq})["interface_seq_id"] == seq
    for body in ({"file": "!"}, {"pipeline": 5}, {"collection": ["x"]}):
        assert call("SearchByBase64", {"pipeline": "Thumb", "interface_seq_id": seq, **body})["status"][0] == "2"


@pytest.mark.parametrize(
    ("body", "seq"),
    [
        (b'{"interface_seq_id": "q-1", "file": ', "q-1"),
        (b'{"file": "x" "interface_seq_id" : 17}', 17),
        (b'{"interface_seq_id": -0.5,}', -0.5),
        (b'{"interface_seq_id": true', True),
        (b'{"interface_seq_id": "a\\"b\\u732b" x', 'a"b猫'),
        (b'{"interface_seq_id": {"a": 1}, "pipeline"', ""),
        (b'{"interface_seq_id": NaN, "pipeline": "Thumb"}', ""),
        (b'{"interface_seq_id": "q-2", "pipeline": "Thumb", "x": ' + b"[" * 100_000, "q-2"),
        (b"\xff", ""),
        (b'{"interface_seq_id": "\\q"}', ""),
        (b'{"interface_seq_id": 007}', ""),
        (b'{"interface_seq_id": "\xff"}', ""),
        (b'{"interface_seq_id": %s}' % (b"1" * 5000), ""),
        (b'{"interface_seq_id": %s.0,}' % (b"1" * 5000), ""),
    ],
    ids=lambda given: repr(given)[:60],
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_the_number_is_echoed_of_bodies_that_cannot_be_read(service, body, seq, kind):
    answer = service[0].post("/api/SearchServer/SearchByBase64", content=body[:200_000], headers={"Content-Type": kind})
    assert answer.status_code == 200
    outcome = answer.json()
    assert outcome["status"] == "20001"
    assert outcome["interface_seq_id"] == seq
    assert type(outcome["interface_seq_id"]) is type(seq)


def test_the_number_is_echoed_of_a_form_too(call):
    file = {"file": ("1.png", b"no picture")}
    form = {"pipeline": "Thumb", "interface_seq_id": "f-1", "image_doc": "{"}
    assert call("SearchByUpload", data=form, files=file)["interface_seq_id"] == "f-1"
    answer = call("ImportByUpload", data=form, files={"file": ("1.png", picture(1))})
    assert (answer["status"], answer["interface_seq_id"]) == ("20001", "f-1")


@pytest.mark.parametrize("values", ["a", 5, 0.5, True, None, ["a", 5], []])
def test_field_values_of_every_kind(call, values):
    documents = [{"v": "a"}, {"v": 5}, {"v": 0.5}, {"v": True}, {"v": None}]
    for seed, document in enumerate(documents):
        call("ImportByBase64", {"file": encoded(seed), "image_doc": document, "pipeline": "Thumb"})
    answer = call("GetImageDoc", {"field_name": "v", "field_values": values})
    wanted = values if isinstance(values, list) else [values]
    assert answer["status"] == "00000"
    assert [image["v"] for image in answer["images"]] == wanted
    removed = call("RemoveImageDoc", {"field_name": "v", "field_values": values})
    assert [image["v"] for image in removed["images"]] == wanted


def test_field_values_that_cannot_be_compared(call):
    for values in ({"$ne": 1}, [{"a": 1}], [[1]]):
        answer = call("RemoveImageDoc", {"field_name": "v", "field_values": values})
        assert answer["status"] == "20001"
        assert "field_values" in answer["msg"]


def test_an_empty_collection_may_be_null(call):
    body = {"file": encoded(1), "pipeline": "Thumb", "collection": None, "image_doc": {"id": 1}}
    assert call("ImportByBase64", body)["status"] == "00000"
    assert len(call("SearchByBase64", body)["match_images"]) == 1
    assert len(call("GetImageDoc", {"collection": None})["images"]) == 1


def test_a_lone_surrogate_is_echoed_as_its_escape(service):
    client, _ = service
    body = b'{"file": "", "pipeline": "Thumb", "interface_seq_id": "\\ud800"}'
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/SearchServer/SearchByBase64", content=body, headers=headers)
    assert answer.status_code == 200
    assert b'"\\ud800"' in answer.content or answer.json()["status"] == "20001"


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 5000, b'{"pipeline": {}}'])
def test_malformed_bodies_get_a_calm_answer(service, name, body):
    client, _ = service
    for kind in ("application/json", "multipart/form-data; boundary=x", "multipart/form-data", "text/plain", "a/b; c"):
        answer = client.post(f"/api/SearchServer/{name}", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 200
        outcome = answer.json()
        assert outcome["status"] in {"10001", "20001"} or (name == "GetImageDoc" and outcome["status"] == "00000")
        assert "Traceback" not in answer.text


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.dictionaries(
        st.sampled_from(
            [
                "file",
                "pipeline",
                "collection",
                "interface_seq_id",
                "field_name",
                "field_values",
                "page_size",
                "page_num",
                "image_doc",
                "url",
            ]
        ),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(allow_nan=False, allow_infinity=False),
            st.text(max_size=20),
            st.lists(st.integers(), max_size=3),
        ),
    )
)
def test_any_json_body_gets_a_calm_answer(service, body):
    client, _ = service
    for name in ("SearchByBase64", "ImportByBase64", "GetImageDoc"):
        answer = client.post(f"/api/SearchServer/{name}", json=body)
        assert answer.status_code == 200
        assert answer.json()["status"][0] in "012"
        assert answer.json()["status"] != "20000", answer.json()


def test_bodies_over_the_limit_are_cut_off(service):
    client, _ = service
    limit = 16 * 2**20 * 4 // 3 + 262_144 + 65_536

    def chunks():
        for _ in range(limit // 2**20 + 4):
            yield b"x" * 2**20

    for content in (b"x" * (limit + 1), chunks()):
        try:
            answer = client.post("/api/SearchServer/SearchByBase64", content=content)
        except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            continue
        assert answer.json()["status"] == "20003"
        assert str(limit) in answer.json()["msg"]
    assert client.post("/v1/info", content=b"x" * (limit + 1)).status_code == 413
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("error", "status"), [(OverloadedError("busy"), "20008"), (StoreUnavailableError("x"), "20009")]
)
def test_outages_have_their_codes(call, service, monkeypatch, error, status):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(service[1], "search", fail)
    assert call("SearchByBase64", {"file": encoded(1), "pipeline": "Thumb"})["status"] == status


def test_a_bug_leaks_nothing(call, service, monkeypatch, caplog):
    def fail(*_, **__):
        raise RuntimeError("secret /path")

    monkeypatch.setattr(service[1], "search", fail)
    answer = call("SearchByBase64", {"file": encoded(1), "pipeline": "Thumb", "interface_seq_id": "b"})
    assert answer == {"interface_seq_id": "b", "status": "20000", "msg": "The service failed; its log says more."}
    assert "secret /path" in caplog.text


def test_health_readiness_and_info(service, monkeypatch):
    client, engine = service
    engine.clear_search_db()
    engine.image_to_search_db(picture(1), {}, "Thumb", "shop")
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    info = client.get("/v1/info").json()
    assert [(one["name"], one["dimension"], one["metric"]) for one in info["pipelines"]] == [
        ("Thumb", 192, "COSINE"),
        ("Bright", 3, "L2"),
    ]
    assert info["collections"] == [{"name": "images", "count": 0}, {"name": "shop", "count": 1}]

    def fail():
        raise StoreUnavailableError("The record store does not answer.")

    monkeypatch.setattr(engine.library, "collections", fail)
    assert client.get("/v1/info").headers["content-type"] == "application/problem+json"


def test_errors_outside_the_old_calls_are_problems_without_a_traceback(service, monkeypatch):
    client, engine = service

    def fail():
        raise RuntimeError("secret")

    monkeypatch.setattr(engine.library, "collections", fail)
    answer = httpx.get(f"{client.base_url}/v1/info")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "secret" not in answer.text


def test_every_call_is_in_openapi(service):
    paths = service[0].get("/openapi.json").json()["paths"]
    assert {f"/api/SearchServer/{name}" for name in CALLS} <= paths.keys()
    for name in CALLS:
        schema = paths[f"/api/SearchServer/{name}"]["post"]
        assert "requestBody" in schema
        assert "$ref" in schema["responses"]["200"]["content"]["application/json"]["schema"]


def test_a_client_that_leaves_halfway_harms_nothing(service):
    client, _ = service
    address = client.base_url.host, client.base_url.port
    with socket.create_connection(address) as connection:
        connection.sendall(b"POST /api/SearchServer/SearchByBase64 HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")
    assert client.get("/healthz").status_code == 200

"""spec.md, section 6: the eight calls, each with its body and its answer, as an old client sends and reads them."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from cheap_library import open_library, picture
from search_by_image.api.app import create_app
from search_by_image.engine import SearchEngine
from search_by_image.fetch import FetchSettings, UrlFetcher
from serving import serving

COMMON = {"interface_seq_id", "status", "msg"}


class Pictures(BaseHTTPRequestHandler):
    def do_GET(self):
        body = picture(int(self.path.strip("/")))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def pictures():
    with ThreadingHTTPServer(("127.0.0.1", 0), Pictures) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with (
        SearchEngine(open_library(tmp_path_factory.mktemp("stores"), collections=("shop",))) as engine,
        UrlFetcher(FetchSettings(allow_private=True, allowed_ports=())) as fetcher,
        serving(create_app(engine, fetcher)) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield engine, client


@pytest.fixture
def client(running):
    engine, client = running
    engine.clear_search_db()
    return client


def post(client, name, **request):
    answer = client.post(f"/api/SearchServer/{name}", **request)
    assert answer.status_code == 200
    return answer.json()


def in_base64(seed, prefix=""):
    return prefix + base64.b64encode(picture(seed)).decode()


def import_two(client):
    for seed in (1, 2):
        body = {"file": in_base64(seed), "pipeline": "Thumb", "collection": "shop", "image_doc": {"id": seed}}
        assert post(client, "ImportByBase64", json=body)["status"] == "00000"


def search_bodies(pictures):
    form = {"pipeline": "Thumb", "collection": "shop", "interface_seq_id": "7"}
    return {
        "SearchByUpload": {"data": form, "files": {"file": ("q.png", picture(2))}},
        "SearchByBase64": {"json": form | {"file": in_base64(2)}},
        "SearchByUrl": {"json": form | {"url": f"{pictures}/2"}},
    }


@pytest.mark.parametrize("name", ["SearchByUpload", "SearchByBase64", "SearchByUrl"])
def test_searches(name, client, pictures):
    import_two(client)
    answer = post(client, name, **search_bodies(pictures)[name])
    assert answer.keys() == COMMON | {"match_images"}
    assert (answer["interface_seq_id"], answer["status"]) == ("7", "00000")
    assert [match["id"] for match in answer["match_images"]] == [2, 1]
    assert answer["match_images"][0].keys() == {"id", "ids", "score", "distance", "collection"}


def test_base64_may_have_a_data_prefix(client):
    import_two(client)
    body = {"file": in_base64(1, "data:image/png;base64,"), "pipeline": "Thumb", "collection": "shop"}
    assert post(client, "SearchByBase64", json=body)["match_images"][0]["id"] == 1


def import_bodies(pictures):
    form = {"pipeline": "Thumb", "collection": "shop", "interface_seq_id": "8"}
    document = {"id": 5, "url": "http://shop/5", "sizes": [1, 2]}
    upload = {"data": form | {"image_doc": json.dumps(document)}, "files": {"file": ("p.png", picture(5))}}
    return {
        "ImportByUpload": upload,
        "ImportByBase64": {"json": form | {"file": in_base64(5), "image_doc": document}},
        "ImportByUrl": {"json": form | {"url": f"{pictures}/5", "image_doc": document}},
    }


@pytest.mark.parametrize("name", ["ImportByUpload", "ImportByBase64", "ImportByUrl"])
def test_imports(name, client, pictures):
    answer = post(client, name, **import_bodies(pictures)[name])
    assert answer.keys() == COMMON
    assert (answer["interface_seq_id"], answer["status"]) == ("8", "00000")
    listed = post(client, "GetImageDoc", json={"collection": "shop"})["images"]
    assert listed == [{"id": 5, "url": "http://shop/5", "sizes": [1, 2], "collection": "shop"}]


def test_remove_image_doc(client):
    import_two(client)
    body = {"collection": "shop", "field_name": "id", "field_values": [2, 3], "interface_seq_id": "9"}
    answer = post(client, "RemoveImageDoc", json=body)
    assert answer.keys() == COMMON | {"images"}
    assert (answer["interface_seq_id"], answer["status"]) == ("9", "00000")
    assert answer["images"] == [{"id": 2, "collection": "shop"}]
    assert [image["id"] for image in post(client, "GetImageDoc", json={})["images"]] == [1]


def test_a_removal_without_a_field_needs_all(client):
    import_two(client)
    refused = post(client, "RemoveImageDoc", json={"collection": "shop"})
    assert refused["status"].startswith("2")
    assert '"all": true' in refused["msg"]
    assert len(post(client, "GetImageDoc", json={})["images"]) == 2
    assert len(post(client, "RemoveImageDoc", json={"collection": "shop", "all": True})["images"]) == 2
    assert post(client, "GetImageDoc", json={})["images"] == []


VALUES = {"text": "a", "number": 7, "real": 1.5, "yes": True}


@pytest.mark.parametrize("field", VALUES)
@pytest.mark.parametrize("listed", [False, True])
def test_field_values_of_every_kind(field, listed, client):
    for seed in (1, 2):
        document = VALUES if seed == 1 else {"text": "b", "number": 8, "real": 2.5, "yes": False}
        post(client, "ImportByBase64", json={"file": in_base64(seed), "pipeline": "Thumb", "image_doc": document})
    body = {"field_name": field, "field_values": [VALUES[field]] if listed else VALUES[field]}
    images = post(client, "GetImageDoc", json=body)["images"]
    assert images == [VALUES | {"collection": "images"}]


def test_pages(client):
    import_two(client)
    body = {"collection": "shop", "page_size": 1, "page_num": 2, "interface_seq_id": "10"}
    answer = post(client, "GetImageDoc", json=body)
    assert answer.keys() == COMMON | {"images"}
    assert answer["images"] == [{"id": 2, "collection": "shop"}]


@pytest.mark.parametrize("name", ["SearchByUpload", "ImportByUpload"])
def test_no_upload_is_10001(name, client):
    answer = post(client, name, data={"pipeline": "Thumb", "interface_seq_id": "11", "image_doc": "{}"})
    assert answer.keys() == COMMON
    assert (answer["status"], answer["interface_seq_id"]) == ("10001", "11")


@pytest.mark.parametrize("name", ["SearchByBase64", "ImportByBase64"])
def test_no_base64_is_10001(name, client):
    body = {"pipeline": "Thumb", "interface_seq_id": "12", "image_doc": {}}
    assert post(client, name, json=body)["status"] == "10001"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("SearchByBase64", {"file": "?!", "pipeline": "Thumb"}),
        ("SearchByBase64", {"file": in_base64(1), "pipeline": "Unknown"}),
        ("SearchByUrl", {"url": "file:///etc/passwd", "pipeline": "Thumb"}),
        ("ImportByBase64", {"file": in_base64(1), "pipeline": "Thumb", "image_doc": "text"}),
        ("GetImageDoc", {"field_name": 7}),
        ("RemoveImageDoc", {"field_name": "a..b", "field_values": 1}),
    ],
)
def test_failures_are_2xxxx_with_a_message(name, body, client):
    answer = post(client, name, json=body | {"interface_seq_id": "13"})
    assert answer["status"][0] == "2"
    assert len(answer["status"]) == 5
    assert answer["msg"]
    assert answer["interface_seq_id"] == "13"


@pytest.mark.parametrize("name", ["SearchByBase64", "GetImageDoc", "RemoveImageDoc", "ImportByUrl"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'"text"', b"null"])
def test_malformed_bodies_are_2xxxx(name, content, client):
    answer = post(client, name, content=content, headers={"content-type": "application/json"})
    assert answer["status"][0] == "2"
    assert answer["msg"]

"""`/v1/collections/{collection}/imports` and `/v1/jobs` over HTTP."""

import base64
import json

import pytest

from cheap_library import picture
from job_service import CSV, JSON, NDJSON, ZIP, counts, job_service, ndjson, web_server, zipped
from search_by_image.api.app import AppOptions
from search_by_image.keys import Keys, Scope


@pytest.fixture(scope="module")
def web():
    with web_server() as web:
        yield web


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with job_service(tmp_path_factory.mktemp("jobs")) as service:
        yield service


@pytest.fixture
def service(running):
    running.library.clear()
    return running


def in_base64(seed):
    return base64.b64encode(picture(seed)).decode()


def test_a_job_is_accepted_with_its_place_and_then_done(service, web):
    items = [
        {"id": "cat-1", "url": f"{web.url}/1.png", "document": {"kind": "cat"}},
        {"id": 2, "base64": in_base64(2), "document": {"kind": "dog"}},
        {"base64": in_base64(3)},
    ]
    answer = service.start(ndjson(items), NDJSON)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert job["state"] in ("queued", "running")
    assert job["total"] == 3
    ended = service.ended(job["id"])
    assert ended["state"] == "succeeded"
    assert ended["counts"] == counts(created=3)
    assert (ended["done"], ended["progress"]) == (3, 1)
    assert ended["rate"] > 0
    assert ended["errors"] == []
    stored = service.stored()
    assert stored.keys() == {"cat-1", "2", f"{job['id']}-3"}
    assert stored["cat-1"].document == {"kind": "cat"}
    found = service.library.search(picture(2), "Thumb", "pets", top_k=1)
    assert found[0].stored.key == "2"
    assert found[0].score > 0.999


def test_a_list_of_urls(service, web):
    body = json.dumps({"urls": [f"{web.url}/{n}.png" for n in range(5)]})
    job = service.imported(body, JSON)
    assert job["counts"] == counts(created=5)
    documents = {stored.document["url"] for stored in service.stored().values()}
    assert documents == {f"{web.url}/{n}.png" for n in range(5)}
    assert service.stored().keys() == {f"{job['id']}-{n}" for n in range(1, 6)}


def test_a_list_of_items(service):
    items = [{"id": "a", "base64": in_base64(1)}, "nonsense", {"id": "b", "base64": in_base64(2)}]
    job = service.imported(json.dumps({"items": items}), JSON)
    assert job["counts"] == counts(created=2, failed=1)
    assert [error["number"] for error in job["errors"]] == [2]


def test_a_table(service, web):
    header = "id,url,kind,price:number,sold:boolean,tags:json\n"
    rows = f'{header}1,{web.url}/1.png,cat,12.5,yes,"[1, 2]"\n2,{web.url}/2.png,,,,\n'
    job = service.imported(rows.encode(), CSV)
    assert job["counts"] == counts(created=2), job
    stored = service.stored()
    assert stored["1"].document == {
        "url": f"{web.url}/1.png",
        "kind": "cat",
        "price": 12.5,
        "sold": True,
        "tags": [1, 2],
    }
    assert stored["2"].document == {"url": f"{web.url}/2.png"}


def test_a_zip_with_side_files(service):
    members = {
        "cats/1.png": picture(1),
        "cats/1.json": json.dumps({"id": "cat-1", "kind": "cat"}),
        "dogs/2.png": picture(2),
        "notes.txt": b"not wanted",
        "__MACOSX/cats/._1.png": b"not wanted",
    }
    job = service.imported(zipped(members), ZIP)
    assert job["counts"] == counts(created=2)
    stored = service.stored()
    assert stored["cat-1"].document == {"id": "cat-1", "kind": "cat"}
    assert stored["dogs/2.png"].document == {"id": "dogs/2.png", "name": "2.png"}


def test_what_is_there_is_replaced_skipped_or_left_as_it_is(service):
    first = [{"id": str(n), "base64": in_base64(n), "document": {"n": n}} for n in range(3)]
    assert service.imported(ndjson(first), NDJSON)["counts"] == counts(created=3)
    versions = {key: stored.id for key, stored in service.stored().items()}
    second = [
        {"id": "0", "base64": in_base64(0), "document": {"n": 0}},
        {"id": "1", "base64": in_base64(1), "document": {"n": "other"}},
        {"id": "2", "base64": in_base64(7), "document": {"n": 2}},
        {"id": "3", "base64": in_base64(3)},
    ]
    job = service.imported(ndjson(second), NDJSON, on_duplicate="skip")
    assert job["counts"] == counts(created=1, skipped=3)
    assert {key: stored.id for key, stored in service.stored().items() if key != "3"} == versions
    job = service.imported(ndjson(second), NDJSON, on_duplicate="replace")
    assert job["counts"] == counts(replaced=2, skipped=2)
    stored = service.stored()
    assert stored["0"].id == versions["0"]
    assert stored["1"].document == {"n": "other"}
    assert stored["1"].id != versions["1"]
    assert service.library.search(picture(7), "Thumb", "pets", top_k=1)[0].stored.key == "2"


def test_failed_items_are_listed_page_by_page_and_fail_nothing_else(service, web):
    items = [{"url": f"{web.url}/{n}.png" if n % 3 else f"{web.url}/missing", "id": f"i{n}"} for n in range(1, 31)]
    job = service.imported(ndjson(items), NDJSON)
    assert job["state"] == "succeeded"
    assert job["counts"] == counts(created=20, failed=10)
    assert [error["number"] for error in job["errors"]] == list(range(3, 31, 3))
    assert job["errors"][0]["id"] == "i3"
    assert job["errors"][0]["code"] == "fetch_failed"
    assert "404" in job["errors"][0]["message"]
    numbers, cursor = [], None
    while cursor is not None or not numbers:
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = service.http.get(f"/v1/jobs/{job['id']}/errors", params=params).json()
        assert len(page["errors"]) <= 3
        numbers += [error["number"] for error in page["errors"]]
        cursor = page["next_cursor"]
    assert numbers == list(range(3, 31, 3))


def test_jobs_are_listed_the_latest_first_page_by_page(service):
    made = [service.imported(ndjson([{"base64": in_base64(n)}]), NDJSON, collection="shelf")["id"] for n in range(5)]
    listed, cursor = [], None
    while cursor is not None or not listed:
        params = {"collection": "shelf", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = service.http.get("/v1/jobs", params=params).json()
        listed += [job["id"] for job in page["jobs"]]
        cursor = page["next_cursor"]
    assert listed == made[::-1]
    assert service.http.get("/v1/jobs", params={"state": "failed"}).json() == {"jobs": [], "next_cursor": None}
    assert service.http.get("/v1/jobs", params={"collection": "none"}).json()["jobs"] == []


@pytest.mark.parametrize(
    ("body", "kind", "options", "told"),
    [
        (b"x", "image/png", {}, (415, "unsupported_media_type")),
        (b"", NDJSON, {}, (422, "invalid_input")),
        (b"id,link\n", CSV, {}, (422, "invalid_input")),
        (b"no zip", ZIP, {}, (422, "archive_refused")),
        (zipped({"notes.txt": b"x"}), ZIP, {}, (422, "invalid_input")),
        (b"{", JSON, {}, (422, "invalid_request")),
        (b"[]", JSON, {}, (422, "invalid_request")),
        (b"{}", JSON, {}, (422, "invalid_request")),
        (b'{"urls": [], "items": []}', JSON, {}, (422, "invalid_request")),
        (b'{"urls": [1]}', JSON, {}, (422, "invalid_request")),
        (b'{"urls": []}', JSON, {}, (422, "invalid_input")),
        (b"{}", NDJSON, {"pipeline": "none"}, (404, "unknown_name")),
        (b"{}", NDJSON, {"collection": "a%2Fb"}, (404, "not_found")),
        (b"{}", NDJSON, {"collection": ".."}, (404, "not_found")),
        (b"{}", NDJSON, {"collection": ".pets"}, (422, "invalid_input")),
        (b"{}", NDJSON, {"on_duplicate": "append"}, (422, "invalid_request")),
        (b"{}", NDJSON, {"webhook": "ftp://a.example"}, (422, "fetch_refused")),
        (b"{}", NDJSON, {"webhook": "no address"}, (422, "fetch_refused")),
        (b"{}", NDJSON, {"webhook": "https://a.example", "headers": {"X-Webhook-Secret": "x"}}, (422, "invalid_input")),
    ],
)
def test_what_no_job_is_made_of(service, body, kind, options, told):
    before = service.http.get("/v1/jobs").json()
    answer = service.start(body, kind, **options)
    assert (answer.status_code, answer.json()["code"]) == told
    assert service.http.get("/v1/jobs").json() == before
    assert [path.name for path in service.spool.glob("*")] == []


@pytest.mark.parametrize("path", ["", "/errors", "/events"])
def test_a_job_that_is_not_there(service, path):
    answer = service.http.get(f"/v1/jobs/{'0' * 21}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert service.http.get(f"/v1/jobs/..%00{path}").status_code in (404, 422)
    assert service.http.post(f"/v1/jobs/{'0' * 21}:cancel").status_code == 404


def test_an_invalid_item_never_fails_the_job(service):
    items = ['{"id": "a"}', "{", '{"base64": "!!"}', '{"base64": "aGk="}', '{"url": "file:///etc/passwd"}']
    job = service.imported("\n".join(items).encode(), NDJSON)
    assert job["state"] == "succeeded"
    assert job["counts"] == counts(failed=5)
    codes = [error["code"] for error in job["errors"]]
    assert codes == ["invalid_input", "invalid_input", "fetch_failed", "not_an_image", "fetch_refused"]


def test_a_document_that_cannot_be_is_an_error_of_its_item(service):
    items = [{"base64": in_base64(1), "document": {"n": 2**70}}, {"base64": in_base64(1), "document": {"n": 1}}]
    assert service.imported(ndjson(items), NDJSON)["counts"] == counts(created=1, failed=1)


def test_of_the_same_id_twice_the_last_one_counts(service):
    items = [{"id": f"same-{n % 2}", "base64": in_base64(n), "document": {"n": n}} for n in range(20)]
    job = service.imported(ndjson(items), NDJSON)
    assert job["counts"] == counts(created=2, replaced=18)
    assert {key: stored.document["n"] for key, stored in service.stored().items()} == {"same-0": 18, "same-1": 19}


def test_a_cancelled_job_ends_and_keeps_what_it_has(service, web):
    items = [{"id": str(n), "base64": in_base64(n)} for n in range(4)]
    items += [{"id": f"slow{n}", "url": f"{web.url}/{n}.png"} for n in range(40)]
    web.may_answer.clear()
    job_id = service.start(ndjson(items), NDJSON).json()["id"]
    service.until(job_id, lambda job: job["done"] == 4)
    answer = service.http.post(f"/v1/jobs/{job_id}:cancel")
    assert answer.status_code == 200
    assert answer.json()["state"] == "cancelling"
    web.may_answer.set()
    job = service.ended(job_id)
    assert job["state"] == "cancelled"
    assert 4 <= job["done"] < 44
    assert len(service.stored()) == job["done"]
    assert service.http.post(f"/v1/jobs/{job_id}:cancel").json()["state"] == "cancelled"


def test_the_uploads_of_ended_jobs_are_gone(service):
    job = service.imported(ndjson([{"base64": in_base64(1)}]), NDJSON)
    service.until(job["id"], lambda _: not list(service.spool.iterdir()))


def test_an_upload_that_is_too_large_is_cut_off(tmp_path):
    with job_service(tmp_path, max_bytes=10_000, max_items=2) as service:
        for body in (bytes(10_001), iter([bytes(6000)] * 2)):
            answer = service.start(body, NDJSON)
            assert (answer.status_code, answer.json()["code"]) == (413, "image_too_large")
            assert "jobs/max_bytes" in answer.json()["detail"]
        answer = service.start(b"{}\n" * 3, NDJSON)
        assert (answer.status_code, answer.json()["code"]) == (413, "upload_too_large")
        assert [path.name for path in service.spool.glob("*")] == []


def test_an_upload_may_be_larger_than_other_bodies(tmp_path):
    with job_service(tmp_path) as service:
        line = json.dumps({"base64": in_base64(1), "document": {"text": "x" * 200_000}}).encode() + b"\n"
        body = (line for _ in range(130))
        assert len(line) * 130 > 2**24 * 4 // 3 + 400_000
        job = service.imported(body, NDJSON)
        assert job["counts"] == counts(created=130)
        answer = service.start((b" " * 2**20 for _ in range(30)), JSON)
        assert (answer.status_code, answer.json()["code"]) == (413, "upload_too_large")


def test_keys_see_the_jobs_of_their_collections_only(tmp_path):
    with job_service(tmp_path, AppOptions(key_seconds=0)) as service:
        keys = Keys(service.library.ledger)
        admin, _ = keys.create("all", Scope.ADMIN)
        reader, _ = keys.create("reader", Scope.READ, collections=["pets"])
        other, _ = keys.create("other", Scope.WRITE, collections=["cars"])

        def sent(key):
            return {"Authorization": f"Bearer {key}"}

        body = ndjson([{"base64": in_base64(1)}])
        assert service.start(body, NDJSON).status_code == 401
        assert service.start(body, NDJSON, headers=sent(reader)).status_code == 403
        assert service.start(body, NDJSON, headers=sent(other)).status_code == 403
        assert service.start(body, NDJSON, headers=sent(other), collection="cars").status_code == 202
        job_id = service.start(body, NDJSON, headers=sent(admin)).json()["id"]
        for path in ("", "/errors", "/events"):
            url = f"/v1/jobs/{job_id}{path}"
            assert service.http.get(url).status_code == 401
            assert service.http.get(url, headers=sent(reader)).status_code == 200
            assert service.http.get(url, headers=sent(other)).status_code == 404
        assert service.http.post(f"/v1/jobs/{job_id}:cancel", headers=sent(reader)).status_code == 403
        assert service.http.post(f"/v1/jobs/{job_id}:cancel", headers=sent(other)).status_code == 404
        seen = {
            name: [job["collection"] for job in service.http.get("/v1/jobs", headers=sent(key)).json()["jobs"]]
            for name, key in {"admin": admin, "reader": reader, "other": other}.items()
        }
        assert seen == {"admin": ["pets", "cars"], "reader": ["pets"], "other": ["cars"]}


def test_the_description_tells_what_an_import_takes(service):
    described = service.http.get("/openapi.json").json()
    call = described["paths"]["/v1/collections/{collection}/imports"]["post"]
    assert call["requestBody"]["content"].keys() == {NDJSON, CSV, ZIP, JSON}
    assert {"ImportItem", "ImportList", "Job"} <= described["components"]["schemas"].keys()
    assert "Location" in call["responses"]["202"]["headers"]

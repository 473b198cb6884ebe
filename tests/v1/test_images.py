"""One picture under the caller's id, pages of pictures, and removal by a filter."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from cheap_library import picture

IMAGES = "/v1/collections/pets/images"


def problem_of(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    return problem["detail"]


# Putting


def test_a_picture_is_put_read_and_replaced(client):
    first = client.put("cat-1", 1, {"kind": "cat"})
    assert first.status_code == 201
    made = first.json()
    assert (made["id"], made["collection"], made["pipeline"], made["document"]) == (
        "cat-1",
        "pets",
        "Thumb",
        {"kind": "cat"},
    )
    assert first.headers["etag"] == f'"{made["version"]}"'
    assert client.http.get(f"{IMAGES}/cat-1").json() == made

    second = client.put("cat-1", 2, {"kind": "dog"})
    assert second.status_code == 200
    changed = second.json()
    assert changed["version"] != made["version"]
    assert changed["sha256"] != made["sha256"]
    assert changed["created"] == made["created"] < changed["updated"]
    assert client.http.get(f"{IMAGES}/cat-1").json() == changed
    (match,) = client.search(2).json()["matches"]
    assert (match["id"], match["document"], round(match["score"], 5)) == ("cat-1", {"kind": "dog"}, 1)


@pytest.mark.parametrize("how", ["base64", "url", "data"])
def test_a_picture_may_come_in_json(client, web, how):
    text = base64.b64encode(picture(5)).decode()
    image = {
        "base64": {"base64": text},
        "data": {"base64": f"data:image/png;base64,{text}"},
        "url": {"url": f"{web}/5.png"},
    }[how]
    put = client.http.put(f"{IMAGES}/a", json={"image": image, "document": {"n": 1}, "pipeline": "Thumb"})
    assert put.status_code == 201, put.text
    assert client.search(5).json()["matches"][0]["id"] == "a"


@pytest.mark.parametrize("key", ["a b", "猫/1", "a/b/c", "x" * 255, "50%", "a?b#c", '"', "7", "-0"])
def test_any_id_goes_through_the_address(client, key):
    route = f"{IMAGES}/{quote(key, safe='')}"
    put = client.http.put(route, data={"pipeline": "Thumb"}, files={"file": picture(1)})
    assert put.status_code == 201, put.text
    assert put.json()["id"] == key
    assert client.http.get(route).json()["id"] == key
    assert client.http.delete(route).status_code == 204
    problem_of(client.http.get(route), 404, "not_found")


@pytest.mark.parametrize("key", ["a%00b", "%7F", "x" * 256])
def test_an_id_that_cannot_be_is_refused(client, key):
    put = client.http.put(f"{IMAGES}/{key}", data={"pipeline": "Thumb"}, files={"file": picture(1)})
    assert "255" in problem_of(put, 422, "invalid_input")


def test_create_only(client):
    assert client.put("a", 1, **{"If-None-Match": "*"}).status_code == 201
    problem_of(client.put("a", 2, **{"If-None-Match": "*"}), 412, "precondition_failed")
    assert client.search(1).json()["matches"][0]["score"] == pytest.approx(1)


def test_replace_only_the_version_that_was_read(client):
    version = client.put("a", 1).headers["etag"]
    assert client.put("a", 2, **{"If-Match": version}).status_code == 200
    problem_of(client.put("a", 3, **{"If-Match": version}), 412, "precondition_failed")
    problem_of(client.put("b", 3, **{"If-Match": "*"}), 412, "precondition_failed")
    assert client.put("a", 3, **{"If-Match": "*"}).status_code == 200
    problem_of(client.put("a", 3, **{"If-Match": "x"}), 422, "invalid_input")
    problem_of(client.put("a", 3, **{"If-None-Match": '"1"'}), 422, "invalid_input")


def test_of_many_that_create_at_once_one_does(client):
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda seed: client.put("a", seed, **{"If-None-Match": "*"}), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [412] * 7
    assert client.library.count() == 1


def test_of_many_that_put_at_once_the_last_one_stays_alone(client):
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda seed: client.put("a", seed, {"seed": seed}), range(16)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert max(answer.status_code for answer in answers) == 201
    assert client.library.count() == 1
    seed = client.http.get(f"{IMAGES}/a").json()["document"]["seed"]
    (match,) = client.search(seed).json()["matches"]
    assert (match["id"], round(match["score"], 5)) == ("a", 1)


@pytest.mark.parametrize(
    ("request_", "status", "code", "says"),
    [
        ({"data": {"pipeline": "Thumb"}, "files": {"other": b"x"}}, 422, "invalid_request", "other"),
        ({"json": {"pipeline": "Thumb"}}, 422, "invalid_input", "file"),
        ({"json": {"image": {"base64": "eA==", "url": "http://x/"}}}, 422, "invalid_request", "either"),
        ({"json": {"image": {"base64": "!!"}, "pipeline": "Thumb"}}, 422, "fetch_failed", "Base64"),
        ({"json": {"image": {"base64": "eA=="}, "pipeline": "Thumb"}}, 422, "not_an_image", "JPEG"),
        ({"json": {"picture": 1}}, 422, "invalid_request", "picture"),
        ({"json": {"image": {"base64": "eA=="}, "pipeline": "None"}}, 404, "unknown_name", "Thumb"),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 422, "invalid_request", "JSON"),
        ({"content": b"[1]", "headers": {"content-type": "application/json"}}, 422, "invalid_request", "body"),
        ({"content": b"x", "headers": {"content-type": "image/png"}}, 415, "unsupported_media_type", "multipart"),
        ({"content": b"x", "headers": {}}, 415, "unsupported_media_type", "multipart"),
        ({"files": {"file": b"x"}, "data": {"document": "{"}}, 422, "invalid_request", "document"),
        ({"files": {"file": b"x"}, "data": {"document": "[1]"}}, 422, "invalid_request", "document"),
        ({"files": [("file", b"x"), ("file", b"y")]}, 400, "bad_request", "files"),
        (
            {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
            400,
            "bad_request",
            "boundary",
        ),
    ],
)
def test_what_cannot_be_used_is_explained(client, request_, status, code, says):
    answer = client.http.put(f"{IMAGES}/a", **request_)
    problem = problem_of(answer, status, code)
    assert says in problem + json.dumps(answer.json().get("errors", ""))
    assert client.library.count() == 0


def test_a_picture_imported_without_an_id_goes_by_ours(client):
    added = client.library.add(picture(1), {"n": 1}, "Thumb", "pets")
    route = f"{IMAGES}/{added.id}"
    assert client.http.get(route).json()["document"] == {"n": 1}
    changed = client.http.patch(route, json={"n": 2}).json()
    assert (changed["id"], changed["document"]) == (str(added.id), {"n": 2})
    assert client.http.get(route).json() == changed
    assert client.library.count() == 1
    assert client.http.delete(route).status_code == 204
    assert client.library.count() == 0


def test_pictures_without_an_id_are_in_no_other_collection(client):
    added = client.library.add(picture(1), {}, "Thumb", "pets")
    client.http.put("/v1/collections/other")
    problem_of(client.http.get(f"/v1/collections/other/images/{added.id}"), 404, "not_found")


# Changing and removing


def test_a_document_is_changed_without_the_picture(client):
    before = client.put("a", 1, {"kind": "cat", "shop": {"id": 1, "city": "x"}, "old": True}).json()
    patch = {"shop": {"city": None, "open": True}, "old": None, "new": [1]}
    route = f"{IMAGES}/a"
    after = client.http.patch(route, json=patch, headers={"Content-Type": "application/merge-patch+json"})
    assert after.status_code == 200, after.text
    assert after.json()["document"] == {"kind": "cat", "shop": {"id": 1, "open": True}, "new": [1]}
    assert after.json()["sha256"] == before["sha256"]
    assert after.json()["created"] == before["created"]
    assert after.headers["etag"] != f'"{before["version"]}"'
    (match,) = client.search(1, filter={"new": 1}).json()["matches"]
    assert match["score"] == pytest.approx(1)
    problem_of(
        client.http.patch(route, json={}, headers={"If-Match": f'"{before["version"]}"'}), 412, "precondition_failed"
    )


def test_of_many_changes_at_once_none_is_lost(client):
    client.put("a", 1)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda n: client.http.patch(f"{IMAGES}/a", json={f"n{n}": n}), range(12)))
    done = [n for n, answer in enumerate(answers) if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert client.http.get(f"{IMAGES}/a").json()["document"] == {f"n{n}": n for n in done}


@pytest.mark.parametrize("body", [b"[]", b"1", b"{", b'{"a": NaN}'])
def test_what_is_no_patch_is_refused(client, body):
    client.put("a", 1, {"n": 1})
    answer = client.http.patch(f"{IMAGES}/a", content=body, headers={"Content-Type": "application/json"})
    problem_of(answer, 422, "invalid_request")
    assert client.http.get(f"{IMAGES}/a").json()["document"] == {"n": 1}


def test_what_is_not_there(client):
    for call in (client.http.get, client.http.delete):
        problem_of(call(f"{IMAGES}/none"), 404, "not_found")
    problem_of(client.http.patch(f"{IMAGES}/none", json={}), 404, "not_found")
    assert client.http.head(f"{IMAGES}/none").status_code == 404
    problem_of(client.http.get("/v1/collections/none/images"), 404, "unknown_name")
    problem_of(client.http.get("/v1/nothing"), 404, "not_found")
    problem_of(client.http.post(f"{IMAGES}/a"), 405, "method_not_allowed")


def test_a_reader_that_has_it_is_told_so(client):
    etag = client.put("a", 1).headers["etag"]
    same = client.http.get(f"{IMAGES}/a", headers={"If-None-Match": etag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    head = client.http.head(f"{IMAGES}/a")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)
    assert client.http.get(f"{IMAGES}/a", headers={"If-None-Match": '"1"'}).status_code == 200


def test_removal_of_the_version_that_was_read(client):
    version = client.put("a", 1).headers["etag"]
    client.put("a", 2)
    route = f"{IMAGES}/a"
    problem_of(client.http.delete(route, headers={"If-Match": version}), 412, "precondition_failed")
    assert client.http.delete(route, headers={"If-Match": "*"}).status_code == 204
    assert (
        client.search(2).json() == {"matches": [], "best_score": None, "timing": client.search(2).json()["timing"]}
        or True
    )
    assert client.search(2).json()["matches"] == []


# Pages


def test_pages_are_stable_while_pictures_come_and_go(client):
    for n in range(7):
        client.put(f"p{n}", n, {"n": n})
    first = client.http.get(IMAGES, params={"limit": 3, "count": True}).json()
    assert [image["id"] for image in first["images"]] == ["p0", "p1", "p2"]
    assert first["count"] == 7
    client.http.delete(f"{IMAGES}/p1")
    client.put("p7", 7, {"n": 7})
    seen, cursor = [], first["next_cursor"]
    while cursor:
        page = client.http.get(IMAGES, params={"limit": 3, "cursor": cursor}).json()
        seen += [image["id"] for image in page["images"]]
        cursor = page["next_cursor"]
        assert page["count"] is None
    assert seen == ["p3", "p4", "p5", "p6", "p7"]


def test_a_page_of_what_matches_a_filter(client):
    for n in range(5):
        client.put(f"p{n}", n, {"n": n})
    page = client.http.get(IMAGES, params={"filter": '{"n": {"$gte": 3}}', "count": True}).json()
    assert [image["id"] for image in page["images"]] == ["p3", "p4"]
    assert (page["count"], page["next_cursor"]) == (2, None)


def test_a_listing_may_begin_with_the_newest(client):
    for n in range(7):
        client.put(f"p{n}", n)
    client.http.patch(f"{IMAGES}/p2", json={"changed": True})
    seen, cursor = [], None
    while cursor or not seen:
        page = client.http.get(
            IMAGES, params={"limit": 3, "order": "newest", **({"cursor": cursor} if cursor else {})}
        ).json()
        seen += [image["id"] for image in page["images"]]
        cursor = page["next_cursor"]
    assert seen == ["p2", "p6", "p5", "p4", "p3", "p1", "p0"]
    problem_of(client.http.get(IMAGES, params={"order": "nicest"}), 422, "invalid_request")


@pytest.mark.parametrize(
    "params",
    [{"limit": 0}, {"limit": 101}, {"cursor": "x"}, {"filter": "{"}, {"filter": '{"a": {"$x": 1}}'}, {"limit": "a"}],
)
def test_a_page_that_cannot_be_is_refused(client, params):
    answer = client.http.get(IMAGES, params=params)
    assert answer.status_code == 422
    assert answer.json()["code"] in ("invalid_input", "invalid_request")


def test_removal_by_a_filter_counts_first(client):
    for n in range(5):
        client.put(f"p{n}", n, {"n": n})
    delete = f"{IMAGES}:delete"
    wanted = {"filter": {"n": {"$lt": 2}}}
    counted = client.http.post(delete, json=wanted | {"dry_run": True, "return_images": True}).json()
    assert counted == {"count": 2, "dry_run": True, "images": None}
    assert client.library.count() == 5
    assert client.http.post(delete, json=wanted).json() == {"count": 2, "dry_run": False, "images": None}
    problem_of(client.http.post(delete, json={"filter": {}}), 422, "invalid_input")
    assert client.library.count() == 3
    rest = client.http.get(IMAGES).json()["images"]
    removed = client.http.post(delete, json={"filter": {}, "all": True, "return_images": True}).json()
    assert (removed["count"], sorted(removed["images"], key=lambda image: image["version"])) == (3, rest)

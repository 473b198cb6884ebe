"""Searches by pictures, stored ones, several with weights, parts; over one collection and several; comparisons."""

import base64
import io
import json

import pytest
from PIL import Image

from cheap_library import picture
from v1.test_images import problem_of


def ids_of(answer):
    assert answer.status_code == 200, answer.text
    return [match["id"] for match in answer.json()["matches"]]


def base64_of(data):
    return base64.b64encode(data).decode()


@pytest.fixture
def filled(client):
    for n in range(6):
        client.put(f"p{n}", n, {"n": n, "kind": "even" if n % 2 == 0 else "odd", "shop": {"id": n // 2}})
    return client


def test_the_nearest_first_with_score_document_and_timing(filled):
    answer = filled.search(3)
    found = answer.json()
    assert ids_of(answer)[0] == "p3"
    best = found["matches"][0]
    assert best["score"] == pytest.approx(1)
    assert best["distance"] == pytest.approx(0, abs=1e-5)
    assert best["document"] == {"n": 3, "kind": "odd", "shop": {"id": 1}}
    assert found["best_score"] == best["score"]
    scores = [match["score"] for match in found["matches"]]
    assert scores == sorted(scores, reverse=True)
    assert {"decode", "inference", "vectors", "records"} <= found["timing"].keys()
    assert "inference;dur=" in answer.headers["server-timing"]


def test_by_base64_by_url_and_by_the_id_of_a_stored_one(filled, web):
    for image in ({"base64": base64_of(picture(3))}, {"url": f"{web}/3.png"}, {"id": "p3"}):
        assert ids_of(filled.search(image=image, pipeline="Thumb"))[0] == "p3"
    other = filled.search(collection="images", image={"id": "p3", "collection": "pets"}, pipeline="Thumb")
    assert ids_of(other) == []
    problem_of(filled.search(image={"id": "none"}), 404, "not_found")


def test_limit_offset_and_min_score(filled):
    everything = ids_of(filled.search(3))
    assert ids_of(filled.search(3, limit=2)) == everything[:2]
    assert ids_of(filled.search(3, limit=2, offset=2)) == everything[2:4]
    assert ids_of(filled.search(3, min_score=0.99)) == ["p3"]
    nothing = filled.search(99, min_score=0.999)
    assert ids_of(nothing) == []
    assert 0 < nothing.json()["best_score"] < 0.999


def test_a_filter_and_fields(filled):
    answer = filled.search(3, filter={"kind": "even"}, fields=["n", "shop.id", "none"])
    assert sorted(ids_of(answer)) == ["p0", "p2", "p4"]
    for match in answer.json()["matches"]:
        n = match["document"]["n"]
        assert match["document"] == {"n": n, "shop": {"id": n // 2}}


def test_the_best_of_each_group(filled):
    filled.put("loner", 7, {})
    filled.put("loner2", 8, {})
    answer = filled.search(3, group_by="shop.id", limit=10)
    found = ids_of(answer)
    assert found[0] == "p3"
    assert "p2" not in found
    assert {"loner", "loner2"} <= set(found)
    assert len(found) == 5
    assert len(ids_of(filled.search(3, group_by="kind", limit=4))) == 4


def test_a_group_beyond_the_first_hits_is_found(client):
    for n in range(30):
        client.put(f"same{n}", 1, {"group": "a"})
    client.put("other", 2, {"group": "b"})
    assert "other" in ids_of(client.search(1, group_by="group", limit=2))


def test_several_pictures_together_and_against(filled):
    both = filled.search(images=[{"id": "p1"}, {"id": "p2"}], pipeline="Thumb")
    assert set(ids_of(both)[:2]) == {"p1", "p2"}
    against = filled.search(images=[{"id": "p1"}, {"id": "p2", "weight": -1}], pipeline="Thumb")
    assert ids_of(against)[0] == "p1"
    assert ids_of(against)[-1] == "p2"
    uploaded = filled.search(files=[("file", picture(1)), ("file", picture(2))])
    assert set(ids_of(uploaded)[:2]) == {"p1", "p2"}
    problem_of(filled.search(images=[{"id": "p1", "weight": -1}]), 422, "invalid_input")
    problem_of(filled.search(images=[{"id": "p1"}, {"id": "p1", "weight": -1}]), 422, "invalid_input")


def beside(left, right):
    """Two pictures in one."""
    whole = Image.new("RGB", (64, 32))
    for place, seed in ((0, left), (32, right)):
        whole.paste(Image.open(io.BytesIO(picture(seed))), (place, 0))
    buffer = io.BytesIO()
    whole.save(buffer, "PNG")
    return buffer.getvalue()


def test_a_part_of_the_picture(filled):
    whole = beside(1, 4)
    for box, expected in (([0, 0, 0.5, 1], "p1"), ([0.5, 0, 1, 1], "p4")):
        best = filled.search(files=[("file", whole)], box=box).json()["matches"][0]
        assert (best["id"], round(best["score"], 4)) == (expected, 1)
        in_json = filled.search(image={"base64": base64_of(whole), "box": box}, pipeline="Thumb")
        assert ids_of(in_json)[0] == expected


@pytest.mark.parametrize(
    "box", [[0, 0, 0, 1], [0.5, 0, 0.2, 1], [0, 0, 1.5, 1], [0, 0, 1], ["a", 0, 1, 1], [-1, 0, 1, 1]]
)
def test_a_box_that_is_no_part_is_refused(filled, box):
    answer = filled.search(files=[("file", picture(1))], box=box)
    assert answer.status_code == 422
    assert answer.json()["code"] in ("invalid_input", "invalid_request")


def test_over_several_collections(client):
    client.put("a", 1, collection="pets")
    client.put("b", 2, collection="others")
    client.put("c", 3, collection="third")
    assert ids_of(client.search(2, collection=None))[0] == "b"
    assert set(ids_of(client.search(2, collection=None))) == {"a", "b", "c"}
    assert set(ids_of(client.search(2, collection=None, collections=["pets", "third"]))) == {"a", "c"}
    problem_of(client.search(2, collection=None, collections=["none"], pipeline="Thumb"), 404, "unknown_name")


def test_a_collection_knows_its_pipeline(client):
    client.put("a", 1, pipeline="Bright")
    assert ids_of(client.search(1)) == ["a"]
    client.put("b", 1, pipeline="Thumb")
    assert "pipeline" in problem_of(client.search(1), 422, "invalid_input")
    assert ids_of(client.search(1, pipeline="Thumb")) == ["b"]
    problem_of(client.search(image={"id": "a"}, pipeline="Thumb"), 422, "vector_mismatch")


@pytest.mark.parametrize(
    "wanted",
    [
        {"limit": 0},
        {"limit": 10_001},
        {"limit": 9_999, "offset": 2},
        {"offset": -1},
        {"min_score": 2},
        {"filter": {"$or": []}},
        {"filter": []},
        {"group_by": ""},
        {"fields": ["a..b"]},
        {"fields": "a"},
        {"images": []},
        {"image": {"id": "p1", "box": [0, 0, 1, 1]}},
        {"image": {"id": "p1"}, "box": [0, 0, 1, 1]},
        {"image": {"id": "p1", "weight": "x"}},
        {"nothing": 1},
        {},
    ],
)
def test_a_search_that_cannot_be_is_refused(filled, wanted):
    answer = filled.search(**{"image": {"id": "p1"}} | wanted if wanted else {"limit": 1})
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] in ("invalid_input", "invalid_request")


def test_what_is_wrong_is_refused_in_an_empty_collection_too(client):
    assert ids_of(client.search(1, pipeline="Thumb")) == []
    problem_of(client.search(files=[("file", b"no picture")], pipeline="Thumb"), 422, "not_an_image")
    problem_of(client.search(image={"id": "none"}, pipeline="Thumb"), 404, "not_found")
    unlike = {"images": [{"base64": base64_of(picture(1)), "weight": -1}], "pipeline": "Thumb"}
    problem_of(client.search(**unlike), 422, "invalid_input")


# Comparing


def test_two_pictures_compared(client):
    files = [("file", picture(1)), ("file", picture(1))]
    same = client.http.post("/v1/compare", files=files, data={"pipeline": "Thumb"}).json()
    assert same == {
        "score": pytest.approx(1),
        "distance": pytest.approx(0, abs=1e-6),
        "metric": "COSINE",
        "pipeline": "Thumb",
    }
    images = [{"base64": base64_of(picture(n))} for n in (1, 2)]
    other = client.http.post("/v1/compare", json={"images": images, "pipeline": "Thumb"}).json()
    assert other["score"] < 0.9
    problem_of(client.http.post("/v1/compare", json={"images": images[:1]}), 422, "invalid_request")
    problem_of(client.http.post("/v1/compare", files=files[:1], data={"pipeline": "Thumb"}), 422, "invalid_input")


def test_a_comparison_agrees_with_a_search(filled):
    best = {match["id"]: match["score"] for match in filled.search(3).json()["matches"]}
    images = [{"base64": base64_of(picture(3))}, {"id": "p5", "collection": "pets"}]
    compared = filled.http.post("/v1/compare", json={"images": images, "pipeline": "Thumb"}).json()
    assert compared["score"] == pytest.approx(best["p5"], abs=1e-6)


def test_the_description_names_every_call_and_body(client):
    description = client.http.get("/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    text = json.dumps(description)
    for reference in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in description["components"]["schemas"]
    assert set(description["paths"]["/v1/collections/{collection}/images/{id}"]) == {
        "put",
        "patch",
        "delete",
        "get",
        "head",
    }

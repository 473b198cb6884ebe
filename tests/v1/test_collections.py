"""Collections: listed with their counts, made and dropped."""

from cheap_library import picture
from v1.test_images import problem_of


def test_collections_are_listed_with_counts_and_models(client):
    client.put("a", 1)
    client.put("b", 2, collection="others")
    client.library.add(picture(3), {}, "Bright", "pets")
    answer = client.http.get("/v1/collections").json()
    counts = {one["name"]: one["count"] for one in answer["collections"]}
    assert counts == {"images": 0, "others": 1, "pets": 2}
    assert answer["default_collection"] == "images"
    pets = client.http.get("/v1/collections/pets").json()
    assert [(space["pipeline"], space["dimension"], space["metric"]) for space in pets["spaces"]] == [
        ("Bright", 3, "L2"),
        ("Thumb", 192, "COSINE"),
    ]
    assert len({space["fingerprint"] for space in pets["spaces"]}) == 2
    assert {(space["model"], space["switch"]) for space in pets["spaces"]} == {(None, None)}


def test_a_collection_is_created_once_and_dropped_when_confirmed(client):
    assert client.http.put("/v1/collections/new").status_code == 201
    again = client.http.put("/v1/collections/new")
    assert (again.status_code, again.json()["count"]) == (200, 0)
    client.put("a", 1, collection="new")
    problem_of(client.http.delete("/v1/collections/new"), 422, "invalid_request")
    problem_of(client.http.delete("/v1/collections/new", params={"confirm": "old"}), 422, "invalid_input")
    assert client.library.count() == 1
    assert client.http.delete("/v1/collections/new", params={"confirm": "new"}).status_code == 204
    problem_of(client.http.get("/v1/collections/new"), 404, "unknown_name")
    problem_of(client.http.delete("/v1/collections/new", params={"confirm": "new"}), 404, "unknown_name")
    assert client.library.count() == 0
    client.put("a", 2, collection="new", pipeline="Bright")
    assert client.search(2, collection="new").json()["matches"][0]["id"] == "a"


def test_a_name_that_cannot_be_is_refused(client):
    problem_of(client.http.put("/v1/collections/%20"), 422, "invalid_input")
    problem_of(client.http.put("/v1/collections/a%3Ab"), 422, "invalid_input")


def test_the_fields_of_a_collection_are_learned_from_its_documents(client):
    client.put("a", 1, {"kind": "cat", "price": 3})
    client.put("b", 2, {"kind": "dog"})
    answer = client.http.get("/v1/collections/pets/fields").json()
    assert answer["sample"] == 2
    kind = {"path": "kind", "count": 2, "types": ["text"], "lowest": None, "highest": None}
    assert answer["fields"][0] == {**kind, "values": [{"value": "cat", "count": 1}, {"value": "dog", "count": 1}]}
    last = client.http.get("/v1/collections/pets/fields", params={"sample": 1}).json()
    assert (last["sample"], [field["path"] for field in last["fields"]]) == (1, ["kind"])
    problem_of(client.http.get("/v1/collections/nowhere/fields"), 404, "unknown_name")
    problem_of(client.http.get("/v1/collections/pets/fields", params={"sample": 0}), 422, "invalid_request")

"""Every call, by both clients, against a running service."""

import base64
import inspect
from pathlib import Path

import pytest

from cheap_library import picture
from search_by_image.client import AsyncClient, Base64, Client, Example, NewImage, Stored, calls, job_calls
from search_by_image.errors import InvalidInputError, NotFoundError, PreconditionFailedError, UnknownNameError


def put(client, key, seed, document=None, **options):
    return client.put_image("pets", key, picture(seed), document, **{"pipeline": "Thumb"} | options)


@pytest.fixture
def filled(client):
    for n in range(6):
        put(client, f"p{n}", n, {"n": n, "kind": "even" if n % 2 == 0 else "odd"})
    return client


def ids_of(found):
    return [match.id for match in found.matches]


# One picture


def test_a_picture_is_put_read_changed_and_deleted(client):
    made = put(client, "cat-1", 1, {"kind": "cat", "old": True})
    assert (made.id, made.document, made.pipeline) == ("cat-1", {"kind": "cat", "old": True}, "Thumb")
    assert client.get_image("pets", "cat-1") == made == client.find_image("pets", "cat-1")
    assert client.version_of("pets", "cat-1") == made.version
    changed = client.patch_image("pets", "cat-1", {"old": None, "price": 3})
    assert changed.document == {"kind": "cat", "price": 3}
    assert changed.updated > made.created
    assert client.delete_image("pets", "cat-1") is None
    assert client.version_of("pets", "cat-1") is None
    assert client.find_image("pets", "cat-1") is None
    for call in (client.get_image, client.delete_image):
        with pytest.raises(NotFoundError):
            call("pets", "cat-1")


@pytest.mark.parametrize("how", ["bytes", "path", "text path", "base64", "url"])
def test_a_picture_is_given_in_any_way(client, how, tmp_path, web):
    data = picture(5)
    Path(tmp_path / "a.png").write_bytes(data)
    given = {
        "bytes": data,
        "path": tmp_path / "a.png",
        "text path": str(tmp_path / "a.png"),
        "base64": Base64(base64.b64encode(data).decode()),
        "url": f"{web}/5.png",
    }[how]
    made = client.put_image("pets", "a", given, {"n": 1, "text": "猫"}, pipeline="Thumb")
    assert made.document == {"n": 1, "text": "猫"}
    found = client.search(given, "pets")
    assert (found.matches[0].id, round(found.matches[0].score, 5)) == ("a", 1)
    assert client.compare(given, data, pipeline="Thumb").score == pytest.approx(1)


def test_a_file_that_is_not_there_is_named(client):
    with pytest.raises(InvalidInputError, match=r"nowhere\.png.*No such file"):
        client.put_image("pets", "a", "nowhere.png")


def test_changes_may_be_conditional(client):
    first = put(client, "a", 1, create_only=True)
    with pytest.raises(PreconditionFailedError):
        put(client, "a", 2, create_only=True)
    second = put(client, "a", 2, if_version=first.version)
    for change in (
        lambda: put(client, "a", 3, if_version=first.version),
        lambda: client.patch_image("pets", "a", {}, if_version=first.version),
        lambda: client.delete_image("pets", "a", if_version=first.version),
    ):
        with pytest.raises(PreconditionFailedError):
            change()
    assert client.version_of("pets", "a") == second.version
    client.delete_image("pets", "a", if_version="*")


@pytest.mark.parametrize("key", ["...", "a/../b", "a b", "猫/1", "50%", "a?b#c", "%2E", "a%2Fb", "-0", "x" * 255])
def test_any_id_arrives_as_it_is(client, key):
    assert put(client, key, 1).id == key
    assert client.get_image("pets", key).id == key
    client.delete_image("pets", key)
    assert client.find_image("pets", key) is None


@pytest.mark.parametrize("key", [".", "..", ""])
def test_an_id_that_would_be_another_address_is_refused_by_name(client, key):
    with pytest.raises(InvalidInputError):
        put(client, key, 1)


# Many


def test_pages_and_images_are_walked_through(filled, relay):
    pages = list(filled.pages("pets", limit=4))
    assert [len(page.images) for page in pages] == [4, 2]
    assert [image.id for image in filled.images("pets", limit=2)] == [f"p{n}" for n in range(6)]
    odd = list(filled.images("pets", filter={"kind": "odd"}, limit=2))
    assert [image.id for image in odd] == ["p1", "p3", "p5"]
    assert filled.page("pets", limit=1, count=True).count == 6
    assert filled.page("pets", cursor=pages[0].next_cursor).images == pages[1].images


def test_pictures_are_deleted_by_a_filter(filled):
    assert filled.delete_images("pets", {"n": {"$lt": 2}}, dry_run=True).count == 2
    assert filled.delete_images("pets", {"n": {"$lt": 2}}).count == 2
    with pytest.raises(InvalidInputError):
        filled.delete_images("pets", {})
    assert filled.delete_images("pets", {}, all=True).count == 4
    assert list(filled.images("pets")) == []


# Searching


def test_searches(filled):
    found = filled.search(picture(3), "pets")
    best = found.matches[0]
    assert (best.id, best.collection, best.document) == ("p3", "pets", {"n": 3, "kind": "odd"})
    assert best.score == found.best_score == pytest.approx(1)
    assert found.timing["vectors"] >= 0
    everything = ids_of(found)
    assert ids_of(filled.search(picture(3), "pets", limit=2, offset=1)) == everything[1:3]
    assert ids_of(filled.search(picture(3), "pets", min_score=0.99)) == ["p3"]
    assert set(ids_of(filled.search(picture(3), "pets", filter={"kind": "even"}))) == {"p0", "p2", "p4"}
    assert filled.search(picture(3), "pets", fields=["n"]).matches[0].document == {"n": 3}
    assert len(ids_of(filled.search(picture(3), "pets", group_by="kind"))) == 2
    assert ids_of(filled.search(Stored("p2"), "pets"))[0] == "p2"


def test_searches_by_several_pictures(filled):
    assert set(ids_of(filled.search([picture(1), picture(2)], "pets"))[:2]) == {"p1", "p2"}
    against = filled.search([Stored("p1"), Example(picture(2), weight=-1)], "pets")
    assert (ids_of(against)[0], ids_of(against)[-1]) == ("p1", "p2")
    assert ids_of(filled.search(Example(picture(4), box=(0, 0, 1, 1)), "pets"))[0] == "p4"
    with pytest.raises(InvalidInputError, match="one at least"):
        filled.search([], "pets")


def test_searches_over_several_collections(client):
    put(client, "a", 1)
    client.put_image("others", "b", picture(2), pipeline="Thumb")
    assert set(ids_of(client.search(picture(2)))) == {"a", "b"}
    assert ids_of(client.search(picture(2), ["pets"])) == ["a"]
    assert ids_of(client.search(Stored("b", "others"), ["pets"])) == ["a"]
    with pytest.raises(UnknownNameError):
        client.search(picture(2), "none", pipeline="Thumb")


def test_two_pictures_are_compared(filled):
    compared = filled.compare(Stored("p1", "pets"), picture(2), pipeline="Thumb")
    assert 0 < compared.score < 1
    assert (compared.metric, compared.pipeline) == ("COSINE", "Thumb")


# Collections and the service


def test_collections_are_made_and_dropped(client):
    assert client.create_collection("new").count == 0
    client.put_image("new", "a", picture(1), pipeline="Bright")
    one = client.collection("new")
    assert (one.count, one.spaces[0].dimension) == (1, 3)
    assert "new" in [found.name for found in client.collections().collections]
    with pytest.raises(InvalidInputError):
        client.drop_collection("new", confirm="old")
    client.drop_collection("new", confirm="new")
    with pytest.raises(UnknownNameError):
        client.collection("new")


def test_the_service_tells_what_it_offers(client):
    info = client.info()
    assert (info.name, info.default_collection) == ("search-by-image", "images")
    assert {pipeline.name for pipeline in info.pipelines} == {"Thumb", "Bright"}
    assert info.limits.page_size_max == 100
    assert client.is_ready() is True


def test_pages_may_begin_with_the_newest_and_fields_are_learned(filled):
    assert [image.id for image in filled.page("pets", limit=2, order="newest").images] == ["p5", "p4"]
    learned = {field.path: field for field in filled.fields("pets", sample=4).fields}
    assert (learned["n"].lowest, learned["n"].highest) == (2, 5)
    assert [(one.value, one.count) for one in learned["kind"].values] == [("even", 2), ("odd", 2)]


# The two clients


def test_both_clients_have_every_call_with_its_parameters():
    built = {name: made for room in (calls, job_calls) for name, made in vars(room).items() if builds(made, room)}
    assert len(built) > 19
    for kind in (Client, AsyncClient):
        for name, made in built.items():
            method, build = inspect.signature(getattr(kind, name)), inspect.signature(made)
            assert list(method.parameters.values())[1:] == list(build.parameters.values())
            assert getattr(kind, name).__doc__ == made.__doc__
    rest = {name for name in vars(Client) if not name.startswith("_")} - built.keys()
    also = {name for name in vars(AsyncClient) if not name.startswith("_")} - built.keys()
    assert rest == also - {"aclose"} | {"close"}
    for name in rest - {"send", "close", "import_images"}:
        ours, theirs = (inspect.signature(getattr(kind, name)) for kind in (Client, AsyncClient))
        assert list(ours.parameters.values()) == list(theirs.parameters.values())


def builds(made, room):
    name = getattr(made, "__name__", "_")
    ours = getattr(made, "__module__", "") == room.__name__ and not name.startswith("_")
    return ours and "Call" in str(inspect.signature(made).return_annotation)


# Many at once


def test_many_are_imported_with_progress(client, tmp_path):
    (tmp_path / "file.png").write_bytes(picture(50))
    images = [NewImage(f"p{n}", picture(n), {"n": n}) for n in range(10)]
    images += [NewImage("file", tmp_path / "file.png"), NewImage("bad", b"no picture"), NewImage("gone", "gone.png")]
    seen = []
    report = client.import_images("pets", iter(images), pipeline="Thumb", on_progress=seen.append)
    assert (report.imported, report.skipped, report.failed, report.done) == (11, 0, 2, 13)
    assert sorted((one.id, one.error.code) for one in report.failures) == [
        ("bad", "not_an_image"),
        ("gone", "invalid_input"),
    ]
    assert [progress.done for progress in seen] == list(range(1, 14))
    assert report.images_per_second > 0
    again = [*images[:3], NewImage("p3", picture(3), {"n": "new"}), NewImage("p4", picture(44), {"n": 4})]
    report = client.import_images("pets", again, pipeline="Thumb")
    assert (report.imported, report.skipped, report.failed) == (2, 3, 0)
    assert client.get_image("pets", "p3").document == {"n": "new"}


def test_no_more_than_asked_for_are_under_way(client):
    taken, most = 0, 0

    def images():
        nonlocal taken
        for n in range(20):
            taken += 1
            yield NewImage(f"p{n}", picture(n))

    def on_progress(progress):
        nonlocal most
        most = max(most, taken - progress.done)

    client.import_images("pets", images(), pipeline="Thumb", parallel=2, on_progress=on_progress)
    assert most <= 5


def test_what_the_source_raises_ends_the_import(client):
    def images():
        yield NewImage("a", picture(1))
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        client.import_images("pets", images(), pipeline="Thumb")

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cheap_library import cheap_pipelines, open_library, picture
from search_by_image.errors import (
    DuplicateIdError,
    ImageError,
    InvalidInputError,
    StoreError,
    StoreUnavailableError,
    UnknownNameError,
    VectorMismatchError,
)
from search_by_image.filters import In, parse_filter
from search_by_image.maintenance import Maintenance
from search_by_image.records.base import Match, State


def numbers(found):
    return [item.document["n"] for item in found]


def fill(library, count, collection=""):
    return [library.add(picture(n), {"n": n}, "Thumb", collection) for n in range(count)]


def test_what_was_added_is_found_first_with_score_one(library):
    added = fill(library, 8)
    hit = library.search(picture(3), "Thumb")[0]
    assert (hit.id, hit.document, hit.collection) == (added[3].id, {"n": 3}, "images")
    assert hit.score == pytest.approx(1, abs=1e-6)
    assert hit.distance == pytest.approx(0, abs=1e-6)


def test_hits_are_nearest_first_and_nearer_never_scores_lower(library):
    fill(library, 30)
    hits = library.search(picture(99), "Thumb", top_k=30)
    assert len(hits) == 30
    assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= hit.score <= 1 for hit in hits)


def test_matches_below_the_score_are_dropped(library):
    fill(library, 20)
    everything = library.search(picture(5), "Thumb", top_k=20)
    bar = everything[4].score
    assert [h.id for h in library.search(picture(5), "Thumb", top_k=20, min_score=bar)] == [
        h.id for h in everything[:5]
    ]


def test_the_configured_top_k_and_score_hold_without_arguments(tmp_path):
    library = open_library(tmp_path, top_k=3, match_score=0.99)
    fill(library, 9)
    assert numbers(library.search(picture(4), "Thumb")) == [4]
    assert len(library.search(picture(4), "Thumb", min_score=0)) == 3
    library.close()


def test_collections_are_apart(library):
    library.add(picture(1), {"n": 1}, "Thumb", "shop")
    library.add(picture(2), {"n": 2}, "Thumb", "archive")
    assert numbers(library.search(picture(2), "Thumb", "shop")) == [1]
    assert numbers(library.search(picture(1), "Thumb", "archive")) == [2]
    assert library.collections() == ("archive", "images", "shop")


def test_a_search_in_an_empty_collection_finds_nothing(library):
    assert library.search(picture(1), "Thumb") == []


def test_a_search_in_an_unknown_collection_names_those_that_exist(library):
    with pytest.raises(UnknownNameError, match=r"no collection named 'shop'.*images"):
        library.search(picture(1), "Thumb", "shop")


def test_an_unknown_pipeline_names_those_that_exist(library):
    with pytest.raises(UnknownNameError, match=r"no pipeline named 'Tumb'.*Bright, Thumb"):
        library.add(picture(1), {}, "Tumb")


def test_two_pipelines_keep_a_vector_space_each_in_one_collection(library):
    library.add(picture(1), {"n": 1}, "Thumb")
    library.add(picture(2), {"n": 2}, "Bright")
    assert [(space.name, space.dimension, space.metric) for space in library.spaces()] == [
        ("search_by_image_images", 192, "COSINE"),
        ("search_by_image_images_Bright", 3, "L2"),
    ]
    assert numbers(library.search(picture(2), "Thumb")) == [1]
    assert numbers(library.search(picture(1), "Bright")) == [2]
    assert numbers(library.page(Match())) == [1, 2]


def test_space_names_never_collide(library):
    library.add(picture(1), {}, "Thumb", "a")
    library.add(picture(1), {}, "Thumb", "a_Bright")
    library.add(picture(1), {}, "Bright", "a")
    names = [space.name for space in library.spaces()]
    assert names == ["search_by_image_a", "search_by_image_a_Bright", "search_by_image_a_Bright_2"]


@pytest.mark.parametrize("document", [None, [], "text", 5, {"x": float("nan")}, {"x": {1, 2}}, {"x": "\ud800"}])
def test_documents_must_be_json_objects(library, document):
    with pytest.raises(InvalidInputError, match="image_doc"):
        library.add(picture(1), document, "Thumb")
    assert library.count() == 0


def test_a_bad_picture_leaves_nothing(library):
    with pytest.raises(ImageError):
        library.add(b"no picture", {}, "Thumb")
    assert library.count() == 0


@pytest.mark.parametrize("name", ["a/b", "x" * 200, "a\nb", ".."])
def test_bad_collection_names_are_refused(library, name):
    with pytest.raises(InvalidInputError):
        library.add(picture(1), {}, "Thumb", name)


def test_removed_pictures_are_gone_from_both_stores_and_stay_away(tmp_path):
    library = open_library(tmp_path)
    fill(library, 6)
    assert numbers(library.remove(Match(In("n", (1, 4))))) == [1, 4]
    for _ in range(2):
        assert numbers(library.page(Match())) == [0, 2, 3, 5]
        assert sorted(numbers(library.search(picture(1), "Thumb"))) == [0, 2, 3, 5]
        library.close()
        library = open_library(tmp_path)
    library.close()


def test_removing_what_is_not_there_removes_nothing(library):
    fill(library, 2)
    assert library.remove(Match(In("n", (7,)))) == []
    assert library.remove(Match(In("other", (None,)))) == []
    assert library.count() == 2


@pytest.mark.parametrize("wanted", [1, 2, 9])
def test_a_filtered_search_finds_the_nearest_that_match_however_many_are_nearer(library, wanted):
    fill(library, 30)
    odd = parse_filter({"n": {"$in": [3, 17, 25]}})
    everything = numbers(library.search(picture(1), "Thumb", top_k=30))
    matching = [number for number in everything if number in (3, 17, 25)]
    assert numbers(library.search(picture(1), "Thumb", top_k=wanted, where=odd)) == matching[:wanted]


def test_clear_empties_everything_and_recreates_the_collections(tmp_path):
    library = open_library(tmp_path, collections=("cats", "dogs"))
    fill(library, 3, "birds")
    library.clear()
    assert library.collections() == ("cats", "dogs", "images")
    assert library.count() == 0
    assert library.spaces() == ()
    assert library.search(picture(1), "Thumb") == []
    library.add(picture(1), {"n": 1}, "Thumb")
    library.close()
    reopened = open_library(tmp_path)
    assert numbers(reopened.search(picture(1), "Thumb")) == [1]
    reopened.close()


def test_everything_is_there_after_a_restart(tmp_path):
    library = open_library(tmp_path)
    fill(library, 5)
    library.close()
    reopened = open_library(tmp_path)
    assert numbers(reopened.search(picture(2), "Thumb"))[0] == 2
    assert reopened.count() == 5
    reopened.close()


def test_a_lost_index_is_rebuilt_from_the_records(tmp_path):
    library = open_library(tmp_path)
    fill(library, 5)
    library.close()
    for file in sorted((tmp_path / "vectors").rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    reopened = open_library(tmp_path)
    assert numbers(reopened.search(picture(2), "Thumb"))[0] == 2
    reopened.close()


def test_an_index_from_elsewhere_is_brought_in_step(tmp_path):
    """The index of a library that was restored from an older backup of its records."""
    library = open_library(tmp_path)
    fill(library, 4)
    library._records.begin_removal(Match(In("n", (0,))))
    library._index.close()
    library._records.close()
    reopened = open_library(tmp_path)
    assert numbers(reopened.search(picture(0), "Thumb")) and 0 not in numbers(reopened.search(picture(0), "Thumb"))
    assert reopened._records.in_state(State.REMOVING) == {}
    reopened.close()


def test_a_changed_pipeline_is_refused_for_old_vectors(library):
    fill(library, 1)
    library.extractor.pipelines["Thumb"].__dict__["fingerprint"] = "another model"
    with pytest.raises(VectorMismatchError, match="another version of pipeline 'Thumb'"):
        library.search(picture(1), "Thumb")
    with pytest.raises(VectorMismatchError, match="another version of pipeline 'Thumb'"):
        library.add(picture(2), {}, "Thumb")


def test_a_pipeline_that_changes_its_dimension_names_both(library):
    fill(library, 1)
    with pytest.raises(VectorMismatchError, match=r"3 dimensions.*192"):
        library._embedder._spaces.find_or_create(library.spaces()[0], "images", library.pipelines["Thumb"], 3)


def test_when_the_index_refuses_nothing_stays_behind(library, monkeypatch):
    def refuse(*_):
        raise StoreUnavailableError("down")

    with monkeypatch.context() as down:
        down.setattr(library._index, "upsert", refuse)
        with pytest.raises(StoreUnavailableError):
            library.add(picture(1), {"n": 1}, "Thumb")
    assert library.count() == 0
    library.maintain()
    assert library._records.in_state(State.REMOVING) == {}
    assert library.search(picture(1), "Thumb") == []


def test_a_removal_that_failed_halfway_is_finished_later(library, monkeypatch):
    fill(library, 3)

    def refuse(*_):
        raise StoreUnavailableError("down")

    with monkeypatch.context() as down:
        down.setattr(library._index, "delete", refuse)
        with pytest.raises(StoreUnavailableError):
            library.remove(Match(In("n", (1,))))
        assert numbers(library.search(picture(1), "Thumb", top_k=2)) != []
        assert 1 not in numbers(library.search(picture(1), "Thumb"))
        assert len(library.search(picture(1), "Thumb", top_k=2)) == 2
    library.maintain()
    assert library._records.in_state(State.REMOVING) == {}
    assert len(library._index.ids("search_by_image_images")) == 2


def test_a_pending_record_that_nobody_works_on_is_finished(library, monkeypatch):
    fill(library, 2)
    monkeypatch.setattr("search_by_image.library.STUCK_AFTER_MS", -1000)
    library._writer._accepted.clear()
    library.maintain()
    assert library._records.in_state(State.PENDING) == {}
    assert len(library.search(picture(0), "Thumb")) == 2


def test_an_id_taken_by_another_process_is_drawn_again(library, monkeypatch):
    taken = fill(library, 1)[0].id
    draws = iter([[taken], [taken], [taken + 10**9]])
    monkeypatch.setattr(library._writer._ids, "take", lambda count: next(draws))
    assert library.add(picture(5), {}, "Thumb").id == taken + 10**9


def test_without_a_free_id_the_clock_is_suspected(library, monkeypatch):
    taken = fill(library, 1)[0].id
    monkeypatch.setattr(library._writer._ids, "take", lambda count: [taken])
    with pytest.raises(StoreError, match="clock"):
        library.add(picture(5), {}, "Thumb")
    assert issubclass(DuplicateIdError, StoreError)


def test_many_threads_add_search_and_remove(library):
    def work(worker):
        for n in range(worker * 100, worker * 100 + 20):
            library.add(picture(n), {"n": n}, "Thumb")
            assert numbers(library.search(picture(n), "Thumb", top_k=1)) == [n]
            if n % 4 == 0:
                library.remove(Match(In("n", (n,))))
                assert numbers(library.search(picture(n), "Thumb", top_k=1)) != [n]

    with ThreadPoolExecutor(6) as workers:
        list(workers.map(work, range(6)))
    library.maintain()
    assert library.count() == 6 * 15
    assert len(library._index.ids("search_by_image_images")) == 6 * 15


def test_maintenance_settles_in_the_background_and_survives_failures(library, monkeypatch, caplog):
    failed = threading.Event()
    follow = library.follow

    def fail_once():
        if not failed.is_set():
            failed.set()
            raise StoreUnavailableError("down")
        follow()
        settled.set()

    settled = threading.Event()
    fill(library, 2)
    monkeypatch.setattr(library, "follow", fail_once)
    maintenance = Maintenance(library, 0.01)
    assert settled.wait(20)
    maintenance.stop()
    maintenance.join()
    assert library._records.in_state(State.PENDING) == {}
    assert "will be tried again" in caplog.text


def test_an_index_that_is_built_for_minutes_does_not_hold_up_the_rest(library, monkeypatch):
    building, built, settled = threading.Event(), threading.Event(), threading.Event()
    settle = library._writer.settle

    def build():
        building.set()
        assert built.wait(60)

    def settled_during_the_build():
        settle()
        if building.is_set():
            settled.set()

    monkeypatch.setattr(library._index, "maintain", build)
    monkeypatch.setattr(library._writer, "settle", settled_during_the_build)
    maintenance = Maintenance(library, 0.01)
    try:
        assert settled.wait(30)
    finally:
        maintenance.stop()
        built.set()
        maintenance.join()


def test_a_library_that_cannot_open_lets_go_of_nothing_it_did_not_take(tmp_path):
    library = open_library(tmp_path)
    with pytest.raises(StoreError):
        open_library(tmp_path)
    library.add(picture(1), {}, "Thumb")
    library.close()
    library.close()
    for closed in (lambda: library.add(picture(1), {}, "Thumb"), library.maintain, lambda: library.remove(Match())):
        with pytest.raises(StoreError, match="closed"):
            closed()


@settings(deadline=None, max_examples=25)
@given(sizes=st.lists(st.integers(1, 7), min_size=1, max_size=12), count=st.integers(0, 23))
def test_pages_laid_end_to_end_give_every_document_once(tmp_path_factory, sizes, count):
    library = open_library(tmp_path_factory.mktemp("pages"))
    library.add_many([library.prepare(picture(n % 3), {"n": n}, "Thumb", f"c{n % 2}") for n in range(count)])
    seen, after, turn = [], 0, 0
    while page := library.page(Match(), after=after, limit=sizes[turn % len(sizes)]):
        seen += numbers(page)
        after, turn = page[-1].id, turn + 1
    assert seen == list(range(count))
    size = sizes[0]
    numbered = [numbers(library.numbered_page(Match(), number=n, size=size)) for n in range(1, count // size + 3)]
    assert [n for page in numbered for n in page] == seen
    assert numbers(library.numbered_page(Match(), number=1, size=0)) == seen
    library.close()


def test_prepared_vectors_come_from_the_pipeline(library):
    made = library.prepare(picture(1), {"n": 1}, "Thumb")
    direct = cheap_pipelines()["Thumb"].extract(picture(1))
    assert np.array_equal(made.vector, direct.vector)

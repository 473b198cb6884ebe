"""The check of a library's two stores: what it finds, that it only looks, and that mending mends."""

from dataclasses import replace

import numpy as np
import pytest

from cheap_library import library_over, picture
from search_by_image.checking import Check, Checker
from search_by_image.records.base import Match, SpaceRecord, State
from search_by_image.self_search import search_for_themselves
from search_by_image.vectors.base import Metric, Space, as_ids

SPACE = "search_by_image_images"
BRIGHT = "search_by_image_images_Bright"
PICTURES = 12


@pytest.fixture
def records(shared_records):
    return shared_records


@pytest.fixture
def index(shared_index):
    return shared_index


@pytest.fixture
def library(records, index):
    opened = library_over(records, index)
    for number in range(PICTURES):
        opened.add(picture(number), {"n": number}, "Thumb")
    opened.add(picture(1), {}, "Bright")
    opened.maintain()
    return opened


def checker(records, index, **options):
    return Checker(records, index, **{"app_name": "search_by_image", "pause": 0.0, "stuck_after_ms": 0} | options)


def counts(check: Check, space=SPACE):
    found = next(one for one in check.spaces if one.space == space)
    return found.recorded, found.indexed, found.missing, found.surplus


def mended(records, index, check):
    checker(records, index).repair(check)
    return checker(records, index).run()


def test_stores_that_agree_have_no_problems(library, records, index):
    seen = []
    check = checker(records, index).run(lambda *progress: seen.append(progress))
    assert check.problems() == []
    assert counts(check) == (PICTURES, PICTURES, 0, 0)
    assert {space.space: space.searched.sampled for space in check.spaces} == {SPACE: PICTURES, BRIGHT: 1}
    assert seen == [(PICTURES, PICTURES + 1), (PICTURES + 1, PICTURES + 1)]
    assert check.unnamed == ()


def test_what_the_index_lacks_and_has_too_many_is_counted_and_mended(library, records, index):
    ids = records.ids(SPACE)
    index.delete(SPACE, ids[:3])
    index.upsert(SPACE, as_ids([5, 6]), np.ones((2, 192)))
    check = checker(records, index).run()
    assert counts(check) == (PICTURES, PICTURES - 1, 3, 2)
    (problem,) = check.problems()
    assert "lacks 3 pictures, and has 2 that are not recorded" in problem
    assert "'images', pipeline 'Thumb'" in problem
    assert mended(records, index, check).problems() == []
    assert index.ids(SPACE).tolist() == ids.tolist()


def test_an_index_that_is_not_there_is_not_created_by_looking(library, records, index):
    index.drop_space(SPACE)
    check = checker(records, index).run()
    assert counts(check) == (PICTURES, 0, PICTURES, 0)
    assert SPACE not in {space.name for space in index.spaces()}
    assert mended(records, index, check).problems() == []


def test_what_is_half_done_is_counted_and_finished(library, records, index):
    (record,) = records.read(SPACE, records.ids(SPACE)[:1])
    records.put([replace(record, id=record.id + 1)])
    records.begin_removal(Match(ids=(record.id,)))
    check = checker(records, index).run()
    found = check.spaces[0]
    assert (found.pending, found.removing, found.missing, found.surplus) == (1, 1, 1, 1)
    assert any("1 pictures are half imported, 1 half removed" in problem for problem in check.problems())
    assert mended(records, index, check).problems() == []
    assert records.in_state(State.PENDING) == records.in_state(State.REMOVING) == {}


def test_what_another_process_may_still_work_on_is_no_problem(library, records, index):
    library.add(picture(50), {}, "Thumb")
    assert records.in_state(State.PENDING)
    assert checker(records, index, stuck_after_ms=60_000).run().problems() == []
    assert checker(records, index).run().problems() != []


def test_what_differs_only_for_a_moment_is_no_problem(library, records, index, monkeypatch):
    real = index.ids
    late = iter([5, 3])

    def ids(name):
        return real(name)[next(late, 0) if name == SPACE else 0 :]

    monkeypatch.setattr(index, "ids", ids)
    assert counts(checker(records, index).run())[2:] == (3, 0)
    monkeypatch.setattr(index, "ids", real)
    assert checker(records, index).run().problems() == []


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.L2, Metric.IP])
def test_a_wrong_vector_is_found_and_mended(records, index, metric):
    space = given(records, index, metric, count=300)
    ids = records.ids(space.name)
    index.delete(space.name, ids[40:42])
    (right,) = records.vectors(space.name, ids[50:51])[1]
    index.upsert(space.name, ids[40:42], np.stack([right, right + 1]))
    check = checker(records, index, app_name="app", sample=None).run()
    assert check.spaces[0].searched.wrong == tuple(ids[40:42].tolist())
    assert f"another vector of 2 of 300 pictures (ids {ids[40]}, {ids[41]}" in check.problems()[0]
    checker(records, index, app_name="app").repair(check)
    again = checker(records, index, app_name="app", sample=None).run()
    assert again.spaces[0].searched.wrong == ()
    assert counts(again, space.name) == (300, 300, 0, 0)


@pytest.mark.parametrize("metric", list(Metric))
def test_right_vectors_find_themselves(records, index, metric):
    """Also where others are as near, or nearer (IP), and where a vector is zero."""
    space = given(records, index, metric, count=50)
    (record,) = records.read(space.name, records.ids(space.name)[:1])
    twins = [replace(record, id=record.id + 1000 + number, vector=record.vector) for number in range(3)]
    long = replace(record, id=record.id + 2000, vector=record.vector * (1 if metric.is_binary else 100))
    zero = replace(record, id=record.id + 3000, vector=record.vector * 0)
    records.put([*twins, long, zero])
    fresh = [*twins, long, zero]
    index.upsert(space.name, as_ids(one.id for one in fresh), np.stack([one.vector for one in fresh]))
    searched = search_for_themselves(records, index, space, records.ids(space.name))
    assert (searched.sampled, searched.wrong, searched.unreached) == (55, (), 0)


def test_a_sample_is_as_large_as_asked_for(library, records, index):
    check = checker(records, index, sample=5).run()
    assert [space.searched.sampled for space in check.spaces] == [5, 1]
    assert checker(records, index, sample=5).run() == check


def test_an_index_that_finds_little_is_a_problem(library, records, index, monkeypatch):
    real = index.search

    def search(name, vector, top_k, *, only=None, where=None):
        return real(name, vector, top_k, only=only) if only else real(name, -vector, top_k)

    monkeypatch.setattr(index, "search", search)
    check = checker(records, index).run()
    assert check.spaces[0].searched.unreached == PICTURES
    assert check.spaces[0].searched.wrong == ()
    assert f"does not find {PICTURES} of {PICTURES} vectors" in check.problems()[0]
    assert "reindex" in check.problems()[0]


def test_places_that_no_record_names_are_told(library, records, index):
    for name in (f"{SPACE}@1-00000000", "others_images", "search_by_image_gone"):
        index.open_space(Space(name, 3, Metric.L2))
    check = checker(records, index).run()
    assert check.unnamed == ("search_by_image_gone", f"{SPACE}@1-00000000")
    assert check.problems() == []


def test_pictures_of_a_space_that_is_not_recorded_are_told_and_left_alone(library, records, index):
    (record,) = records.read(SPACE, records.ids(SPACE)[:1])
    records.put([replace(record, id=5, space="nowhere"), replace(record, id=6, space="nowhere")])
    records.settle([6])
    check = checker(records, index).run()
    assert check.spaceless == 2
    (problem,) = check.problems()
    assert problem.startswith("2 pictures are of a vector space that is not recorded")
    assert mended(records, index, check).spaceless == 2


def test_other_places_than_the_spaces_own_name_are_checked(library, records, index):
    library.reindexing.run(records.space(SPACE), Metric.L2)
    check = checker(records, index).run()
    assert check.problems() == []
    index.delete(records.space(SPACE).indexed.name, records.ids(SPACE)[:2])
    check = checker(records, index).run()
    assert counts(check) == (PICTURES, PICTURES - 2, 2, 0)
    assert mended(records, index, check).problems() == []


def given(records, index, metric, count, dimension=16):
    """A space with so many recorded and indexed vectors."""
    library = library_over(records, index)
    library.add(picture(0), {}, "Bright")
    (record,) = records.read(SPACE, records.ids(SPACE))
    numbers = np.random.default_rng(1).normal(size=(count, dimension)).astype(np.float32)
    vectors = (numbers > 0).astype(np.float32) if metric.is_binary else numbers
    space = records.create_space(SpaceRecord("app_one", "one", "Thumb", dimension, metric.value, "f"))
    made = [replace(record, id=1000 + n, space="app_one", vector=vector) for n, vector in enumerate(vectors)]
    records.put(made)
    records.settle(one.id for one in made)
    index.open_space(space.indexed)
    index.upsert("app_one", as_ids(one.id for one in made), vectors)
    library.remove(Match(ids=(record.id,)))
    return space

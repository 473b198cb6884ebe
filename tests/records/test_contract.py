"""What every record store must do, whatever is behind it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta, timezone

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from records.conftest import CREATED, hash_of, record, vector_of
from search_by_image.documents import check_document, check_field, check_values
from search_by_image.errors import DuplicateIdError, InvalidInputError, StoreError
from search_by_image.records.base import Match, SpaceRecord, State, Stored
from search_by_image.vectors.base import as_ids

LARGEST_ID = 2**53 - 1
EVERY = Match()

one_store = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def ids_of(found):
    return [stored.id for stored in found]


def put_documents(records, *documents):
    records.put([record(number, document) for number, document in enumerate(documents, 1)])


def found_by(records, field, *values, **also):
    return ids_of(records.page(Match(field, values, **also), limit=1000))


# Collections and spaces


def test_collections_are_listed_in_order_each_once(records):
    for name in ("pets", "art", "pets", "动物"):
        records.create_collection(name)
    assert records.collections() == ("art", "pets", "动物")


def test_a_new_store_is_empty(records):
    assert records.collections() == ()
    assert records.spaces() == ()
    assert records.count(EVERY) == 0
    assert records.page(EVERY, limit=10) == []
    assert records.offset_page(EVERY, offset=0, limit=None) == []
    assert records.in_state(State.PENDING) == {}


def test_the_first_record_of_a_space_wins(records):
    first = SpaceRecord("app_pets", "pets", "Thumb", 192, "COSINE", "abc")
    other = SpaceRecord("app_pets", "pets", "Bright", 3, "L2", "def")
    assert records.create_space(first) == first
    assert records.create_space(other) == first
    assert records.create_space(first) == first
    assert records.spaces() == (first,)


def test_spaces_are_listed_in_order(records):
    spaces = [SpaceRecord(f"app_{name}", name, "Thumb", 8, "L2", "f" * 16) for name in ("b", "a", "c")]
    for space in spaces:
        records.create_space(space)
    assert [space.name for space in records.spaces()] == ["app_a", "app_b", "app_c"]


def test_threads_that_create_the_same_collection_and_space_agree(records):
    wanted = [SpaceRecord("app_pets", "pets", f"p{number}", number, "L2", "f") for number in range(1, 9)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(records.create_collection, ["pets"] * 8))
        agreed = set(threads.map(records.create_space, wanted))
    assert records.collections() == ("pets",)
    assert agreed == set(records.spaces())
    assert len(agreed) == 1


# Putting and getting


def test_what_was_put_comes_back(records):
    document = {"id": "a-1", "名字": "猫", "tags": ["x", None, {"deep": [1, 2.5, True]}], "empty": {}}
    records.put([record(7, document, collection="pets", space="app_pets")])
    assert records.get([7]) == {7: Stored(7, "app_pets", "pets", document)}


def test_putting_nothing_is_no_error(records):
    records.put([])
    assert records.count(EVERY) == 0


def test_getting_leaves_out_what_is_not_there(records):
    records.put([record(1), record(3)])
    assert set(records.get([1, 2, 3, 4])) == {1, 3}
    assert records.get([]) == {}
    assert records.get(iter([3])).keys() == {3}


def test_the_smallest_and_the_largest_id_are_kept_exactly(records):
    records.put([record(LARGEST_ID), record(1)])
    assert ids_of(records.page(EVERY, limit=9)) == [1, LARGEST_ID]
    assert records.ids("app_images").tolist() == [1, LARGEST_ID]
    assert records.get([LARGEST_ID])[LARGEST_ID].document == {"n": LARGEST_ID}


def test_an_id_that_is_taken_is_refused_and_nothing_of_the_batch_is_written(records):
    records.put([record(5, {"first": True})])
    with pytest.raises(DuplicateIdError):
        records.put([record(4), record(5, {"first": False}), record(6)])
    assert ids_of(records.page(EVERY, limit=9)) == [5]
    assert records.get([5])[5].document == {"first": True}


def test_an_id_twice_in_one_batch_is_refused_and_nothing_is_written(records):
    with pytest.raises(DuplicateIdError):
        records.put([record(1), record(2), record(1)])
    assert records.count(EVERY) == 0


@pytest.mark.parametrize("state", list(State))
def test_an_id_is_taken_in_every_state(records, state):
    records.put([record(1)])
    if state is State.READY:
        records.settle([1])
    if state is State.REMOVING:
        records.begin_removal(EVERY)
    with pytest.raises(DuplicateIdError):
        records.put([record(1)])


def test_an_id_is_free_again_after_its_removal(records):
    records.put([record(1, {"life": 1})])
    records.begin_removal(EVERY)
    records.finish_removal([1])
    records.put([record(1, {"life": 2})])
    assert records.get([1])[1].document == {"life": 2}


def test_a_document_that_is_not_json_is_refused_and_nothing_is_written(records):
    with pytest.raises(StoreError):
        records.put([record(1), record(2, {"when": CREATED})])
    with pytest.raises(StoreError):
        records.put([record(1), record(2, {"n": float("nan")})])
    assert records.count(EVERY) == 0


def test_more_records_than_a_statement_has_parameters(records):
    many = range(1, 2502)
    records.put([record(number) for number in many])
    records.settle(many)
    assert len(records.get(many)) == 2501
    ids, vectors = records.vectors("app_images", as_ids(many))
    assert len(ids) == len(vectors) == 2501
    assert len(records.find_hashes("Thumb", [hash_of(number) for number in many])) == 2501
    assert records.in_state(State.PENDING) == {}
    assert len(records.begin_removal(EVERY)) == 2501
    records.finish_removal(many)
    assert records.in_state(State.REMOVING) == {}


def test_a_document_of_a_megabyte_and_a_vector_of_4096_dimensions(records):
    document = {"text": "猫" * 350_000}
    records.put([record(1, document, dimension=4096)])
    assert records.get([1])[1].document == document
    _, vectors = records.vectors("app_images", as_ids([1]))
    assert np.array_equal(vectors[0], vector_of(1, 4096))


def test_the_time_of_creation_may_be_in_any_zone(records):
    tokyo = CREATED.astimezone(timezone(timedelta(hours=9)))
    one = record(1)
    records.put([type(one)(1, "c", "p", "s", {}, one.vector, one.sha256, tokyo)])
    assert records.count(EVERY) == 1


# States


def test_a_pending_record_is_visible(records):
    records.put([record(1)])
    assert records.get([1]).keys() == {1}
    assert records.count(EVERY) == 1
    assert records.in_state(State.PENDING)["app_images"].tolist() == [1]


def test_settled_records_are_pending_no_more(records):
    records.put([record(1), record(2), record(3)])
    records.settle([1, 3, 99])
    assert records.in_state(State.PENDING)["app_images"].tolist() == [2]
    assert records.in_state(State.READY)["app_images"].tolist() == [1, 3]


def test_in_state_tells_the_ids_by_space_in_order(records):
    records.put([record(9, space="b"), record(4, space="a"), record(2, space="b")])
    found = records.in_state(State.PENDING)
    assert {space: ids.tolist() for space, ids in found.items()} == {"a": [4], "b": [2, 9]}
    assert all(ids.dtype == np.int64 for ids in found.values())


def test_a_record_that_is_being_removed_is_hidden_from_every_reader(records):
    records.put([record(1), record(2)])
    removed = records.begin_removal(Match("n", (1,)))
    assert [(stored.id, stored.document) for stored in removed] == [(1, {"n": 1})]
    assert records.get([1, 2]).keys() == {2}
    assert ids_of(records.page(EVERY, limit=9)) == [2]
    assert ids_of(records.offset_page(EVERY, offset=0, limit=9)) == [2]
    assert records.count(EVERY) == 1
    assert records.ids("app_images").tolist() == [2]
    assert records.vectors("app_images", as_ids([1, 2]))[0].tolist() == [2]
    assert records.find_hashes("Thumb", [hash_of(1), hash_of(2)]) == {(hash_of(2), "images")}
    assert records.in_state(State.REMOVING)["app_images"].tolist() == [1]


def test_a_removal_begins_once(records):
    records.put([record(1)])
    assert ids_of(records.begin_removal(EVERY)) == [1]
    assert records.begin_removal(EVERY) == []


def test_settling_does_not_bring_back_what_is_being_removed(records):
    records.put([record(1)])
    records.begin_removal(EVERY)
    records.settle([1])
    assert records.count(EVERY) == 0
    assert records.in_state(State.REMOVING)["app_images"].tolist() == [1]


def test_finishing_deletes_only_what_is_being_removed(records):
    records.put([record(1), record(2), record(3)])
    records.settle([2])
    records.begin_removal(Match(ids=(3,)))
    records.finish_removal([1, 2, 3, 4])
    assert ids_of(records.page(EVERY, limit=9)) == [1, 2]
    assert records.in_state(State.REMOVING) == {}


def test_begin_removal_answers_in_the_order_of_ids(records):
    records.put([record(number) for number in (30, 10, 20)])
    assert ids_of(records.begin_removal(EVERY)) == [10, 20, 30]


def test_clear_deletes_everything_in_every_state(records):
    records.create_collection("pets")
    records.create_space(SpaceRecord("app_pets", "pets", "Thumb", 4, "L2", "f"))
    records.put([record(1), record(2), record(3)])
    records.settle([1])
    records.begin_removal(Match(ids=(2,)))
    records.clear()
    assert records.collections() == records.spaces() == ()
    assert records.count(EVERY) == 0
    assert all(records.in_state(state) == {} for state in State)
    records.put([record(1)])
    assert records.count(EVERY) == 1


# Vectors and hashes


def test_vectors_are_kept_to_the_bit(records):
    extremes = np.array([np.finfo(np.float32).max, np.finfo(np.float32).tiny, -0.0, 1e-45], np.float32)
    one = record(1)
    records.put([type(one)(1, "c", "p", "s", {}, extremes, one.sha256, CREATED)])
    ids, vectors = records.vectors("s", as_ids([1]))
    assert (ids.dtype, vectors.dtype, vectors.shape) == (np.int64, np.float32, (1, 4))
    assert vectors.tobytes() == extremes.tobytes()


def test_vectors_that_are_not_contiguous_or_of_doubles_are_kept(records):
    wide = np.arange(8, dtype=np.float64)[::2]
    one = record(1)
    records.put([type(one)(1, "c", "p", "s", {}, wide, one.sha256, CREATED)])
    assert records.vectors("s", as_ids([1]))[1].tolist() == [[0, 2, 4, 6]]


def test_each_vector_comes_with_its_id_and_of_its_space_only(records):
    records.put([record(1), record(2, space="other"), record(3), record(4)])
    ids, vectors = records.vectors("app_images", as_ids([4, 3, 2, 1, 77]))
    assert sorted(ids.tolist()) == [1, 3, 4]
    assert all(np.array_equal(vector, vector_of(id_)) for id_, vector in zip(ids, vectors, strict=True))


def test_no_vectors_are_an_empty_matrix(records):
    for ids, vectors in (records.vectors("none", as_ids([1])), records.vectors("none", as_ids([]))):
        assert len(ids) == len(vectors) == 0
        assert vectors.ndim == 2


def test_ids_are_those_of_the_space_in_order(records):
    records.put([record(30), record(10), record(20, space="other")])
    assert records.ids("app_images").tolist() == [10, 30]
    assert records.ids("none").tolist() == []
    assert records.ids("app_images").dtype == np.int64


def test_hashes_are_found_in_the_collections_that_have_them(records):
    same = hash_of("same")
    records.put(
        [
            record(1, collection="pets", sha256=same),
            record(2, collection="art", sha256=same),
            record(3, collection="pets", sha256=same),
            record(4, pipeline="Bright", sha256=same),
            record(5),
        ]
    )
    assert records.find_hashes("Thumb", [same, hash_of("none")]) == {(same, "pets"), (same, "art")}
    assert records.find_hashes("Bright", [same, hash_of(5)]) == {(same, "images")}
    assert records.find_hashes("Thumb", []) == set()


# Pages


@pytest.fixture
def twelve(records):
    records.put([record(n, {"n": n, "even": n % 2 == 0}, collection="ab"[n % 3 == 0]) for n in range(10, 130, 10)])
    return records


def test_pages_follow_the_ids(twelve):
    assert ids_of(twelve.page(EVERY, limit=3)) == [10, 20, 30]
    assert ids_of(twelve.page(EVERY, after=30, limit=3)) == [40, 50, 60]
    assert ids_of(twelve.page(EVERY, after=35, limit=1)) == [40]
    assert ids_of(twelve.page(EVERY, after=110, limit=5)) == [120]
    assert twelve.page(EVERY, after=120, limit=5) == []


def test_numbered_pages_follow_the_ids(twelve):
    assert ids_of(twelve.offset_page(EVERY, offset=0, limit=3)) == [10, 20, 30]
    assert ids_of(twelve.offset_page(EVERY, offset=10, limit=3)) == [110, 120]
    assert twelve.offset_page(EVERY, offset=12, limit=3) == []
    assert ids_of(twelve.offset_page(EVERY, offset=9, limit=None)) == [100, 110, 120]


def test_pages_of_a_collection_and_a_field(twelve):
    in_b = Match(collection="b")
    assert ids_of(twelve.page(in_b, limit=9)) == [30, 60, 90, 120]
    even_in_b = Match("even", (True,), collection="b")
    assert ids_of(twelve.page(even_in_b, after=30, limit=1)) == [60]
    assert ids_of(twelve.offset_page(even_in_b, offset=1, limit=9)) == [60, 90, 120]
    assert twelve.count(in_b) == 4
    assert twelve.count(Match("n", (10, 30, 60), collection="b")) == 2


def test_pages_of_chosen_ids(twelve):
    chosen = Match(ids=(120, 10, 40, 777))
    assert ids_of(twelve.page(chosen, after=10, limit=9)) == [40, 120]
    assert twelve.count(chosen) == 3
    assert twelve.count(Match(ids=())) == 0
    assert ids_of(twelve.begin_removal(Match(collection="a", ids=(120, 40)))) == [40]


def test_any_number_of_ids_may_be_chosen(twelve):
    assert twelve.count(Match(ids=tuple(range(300_000)))) == 12


def test_an_unknown_collection_has_no_pages(twelve):
    assert twelve.page(Match(collection="A"), limit=9) == []
    assert twelve.count(Match(collection="a ")) == 0


page_sizes = st.lists(st.integers(1, 7), min_size=1)


@one_store
@given(count=st.integers(0, 30), sizes=page_sizes, added=st.lists(st.integers(0, 3)), own_id=st.booleans())
def test_pages_laid_end_to_end_give_every_document_once(records, count, sizes, added, own_id):
    """Whatever the page sizes are, and whatever is added meanwhile with higher ids."""
    records.clear()
    wanted = Match("id", ("x",), collection="pets") if own_id else EVERY
    records.put([record(n * 3, {"id": "x"}, collection="pets") for n in range(1, count + 1)])
    seen, last, newest, turn = [], 0, count * 3, 0
    while page := records.page(wanted, after=last, limit=sizes[turn % len(sizes)]):
        seen += ids_of(page)
        last = seen[-1]
        fresh = range(newest + 1, newest + 1 + (added[turn] if turn < len(added) else 0))
        records.put([record(n, {"id": "x"}, collection="pets") for n in fresh])
        newest, turn = newest + len(fresh), turn + 1
    assert seen == sorted(set(seen)) == records.ids("app_pets").tolist()


@one_store
@given(count=st.integers(0, 30), size=st.integers(1, 7), added=st.lists(st.integers(0, 3)), own_id=st.booleans())
def test_numbered_pages_laid_end_to_end_give_every_document_once(records, count, size, added, own_id):
    records.clear()
    wanted = Match("id", ("x",), collection="pets") if own_id else EVERY
    records.put([record(n * 3, {"id": "x"}, collection="pets") for n in range(1, count + 1)])
    seen, newest, turn = [], count * 3, 0
    while page := records.offset_page(wanted, offset=turn * size, limit=size):
        seen += ids_of(page)
        fresh = range(newest + 1, newest + 1 + (added[turn] if turn < len(added) and len(page) == size else 0))
        records.put([record(n, {"id": "x"}, collection="pets") for n in fresh])
        newest, turn = newest + len(fresh), turn + 1
    assert seen == sorted(set(seen)) == records.ids("app_pets").tolist()


# Documents

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
integers = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | integers | floats | texts
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=15
)
documents = st.dictionaries(texts, json_values, max_size=6)


def typed(value):
    """JSON with the types visible: Python's `1 == 1.0 == True` hides a difference."""
    return json.dumps(value, sort_keys=True)


@one_store
@given(document=documents)
def test_a_document_comes_back_equal(records, document):
    records.clear()
    checked = check_document(document, 1_000_000)
    records.put([record(1, checked)])
    (stored,) = records.page(EVERY, limit=1)
    assert typed(stored.document) == typed(document)


@pytest.mark.parametrize(
    "value",
    [
        2**63 - 1,
        -(2**63),
        2**53 + 1,
        0.1,
        1e-320,
        1.7976931348623157e308,
        1e22,
        -0.0,
        1.0,
        "é",
        "e\u0301",
        "👩‍👧",
        "\x01\x1f",
    ],
)
def test_numbers_and_texts_on_the_edge_come_back_as_they_were(records, value):
    put_documents(records, {"v": value})
    assert typed(records.get([1])[1].document) == typed({"v": value})
    assert found_by(records, "v", value) == [1]


def test_nesting_as_deep_as_documents_may_be(records):
    document = {}
    for _ in range(63):
        document = {"a": document}
    put_documents(records, check_document(document, 10_000))
    assert records.get([1])[1].document == document
    assert records.count(Match("a.a", (1,))) == 0


# Matching a field

SAMPLES = [
    0,
    1,
    1.0,
    2,
    2.5,
    -1,
    2**53,
    2**53 + 1,
    1e300,
    True,
    False,
    None,
    "",
    "1",
    "1.0",
    "true",
    "null",
    "a",
    "A",
    "[1]",
    "[]",
    "{}",
    "é",
]


def same_json(left, right):
    if isinstance(left, bool) or isinstance(right, bool) or left is None or right is None:
        return left is right
    return isinstance(left, str) == isinstance(right, str) and left == right


def is_match(document, field, values):
    """The rules of `Match`, in Python."""
    found = document
    for step in field.split("."):
        if not isinstance(found, dict) or step not in found:
            return False
        found = found[step]
    elements = found if isinstance(found, list) else [found]
    scalar = [element for element in elements if not isinstance(element, dict | list)]
    return any(same_json(element, value) for element in scalar for value in values)


@pytest.mark.parametrize("field", ["v", "id", "a.v"])
@pytest.mark.parametrize("value", SAMPLES, ids=repr)
def test_a_value_equals_the_values_of_its_own_json_type(records, field, value):
    def nest(inner):
        return {"a": {"v": inner}} if field == "a.v" else {field: inner}

    all_documents = [nest(sample) for sample in SAMPLES]
    put_documents(records, *all_documents)
    assert found_by(records, field, value) == [
        number for number, sample in enumerate(SAMPLES, 1) if same_json(sample, value)
    ]


@pytest.mark.parametrize("field", ["tags", "id"])
def test_an_array_matches_by_any_of_its_elements(records, field):
    put_documents(
        records,
        {field: ["a", "b"]},
        {field: [1, 2.0, None]},
        {field: []},
        {field: [["a"], {"a": 1}]},
        {field: [True]},
        {field: "a"},
    )
    assert found_by(records, field, "a") == [1, 6]
    assert found_by(records, field, 2) == [2]
    assert found_by(records, field, 1) == [2]
    assert found_by(records, field, True) == [5]
    assert found_by(records, field, None) == [2]
    assert found_by(records, field, "b", 2) == [1, 2]


@pytest.mark.parametrize("field", ["v", "id"])
def test_an_object_matches_no_scalar(records, field):
    put_documents(records, {field: {"a": 1}}, {field: {}}, {field: {"x": None}})
    assert found_by(records, field, 1, None, "", "{}", "a", '{"a":1}') == []


@pytest.mark.parametrize("field", ["v", "id"])
def test_a_missing_field_is_not_null(records, field):
    put_documents(records, {}, {field: None}, {"other": None})
    assert found_by(records, field, None) == [2]


@pytest.mark.parametrize("field", ["v", "id"])
def test_no_values_match_nothing(records, field):
    put_documents(records, {field: None}, {field: 1}, {})
    assert records.page(Match(field, ()), limit=9) == []


@pytest.mark.parametrize("field", ["n", "id"])
def test_any_number_of_values_may_be_asked_for(records, field):
    put_documents(records, *({field: number} for number in range(5)))
    assert found_by(records, field, *range(3, 20_003)) == [4, 5]


def test_dotted_paths_go_into_objects_only(records):
    put_documents(
        records,
        {"shop": {"id": 1}},
        {"shop.id": 1},
        {"shop": [{"id": 1}]},
        {"shop": {"id": {"id": 1}}},
        {"shop": "id"},
        {"shop": {"id": [7, 1]}},
    )
    assert found_by(records, "shop.id", 1) == [1, 6]
    assert found_by(records, "shop.id.id", 1) == [4]


def test_a_step_of_digits_is_a_key_and_no_position(records):
    put_documents(records, {"v": ["x", "y"]}, {"v": {"0": "x"}}, {"0": "x"})
    assert found_by(records, "v.0", "x") == [2]
    assert found_by(records, "0", "x") == [3]


ODD_NAMES = [
    *("0", "01", "-1", "[0]", "[#-1]", "a[0]", "$", "$a", "$[0]", "*", "**", "#", "@", "-", "a b", " ", "'", "`", "/"),
    *("?", "%", "%s", ":a", "(", "名字", "é", "e\u0301", "\u3000", "\xa0", "👩\u200d👧", "\x7f", "null", "true", "ID"),
    *("Id", "_id", "id "),
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_only_names(records, name):
    others = [{other: "no"} for other in ODD_NAMES if other != name]
    put_documents(records, {name: "yes"}, {"in": {name: "yes"}}, {name: {"in": "yes"}}, {"a": "yes"}, *others)
    check_field(name)
    assert found_by(records, name, "yes") == [1]
    assert found_by(records, f"in.{name}", "yes") == [2]
    assert found_by(records, f"{name}.in", "yes") == [3]
    assert found_by(records, name, "no") == []


def test_a_field_and_a_value_are_no_sql(records):
    put_documents(records, {"v": "a"}, {"v": "' OR 1=1 --"}, {"v": "%"})
    assert found_by(records, "v", "' OR 1=1 --") == [2]
    assert found_by(records, "v", "%") == [3]
    assert found_by(records, "v') OR 1=1 --", "a") == []


fields = st.lists(
    st.sampled_from(["id", "a", "b", "0", "[0]", "$.a", "$"]) | texts.filter(lambda text: text and "." not in text),
    min_size=1,
    max_size=3,
).map(".".join)


def usable(field):
    try:
        check_field(field)
    except InvalidInputError:
        return False
    return True


def under(field, value):
    for step in reversed(field.split(".")):
        value = {step: value}
    return value


near_values = st.sampled_from(SAMPLES) | scalars
near_documents = st.one_of(near_values, st.lists(near_values | json_values, max_size=4), json_values)


@one_store
@given(
    field=fields.filter(usable),
    inner=st.lists(near_documents, min_size=1, max_size=5),
    also=st.lists(documents, max_size=2),
    values=st.lists(near_values, max_size=4),
    data=st.data(),
)
def test_matching_is_as_the_rules_in_python_say(records, *, field, inner, also, values, data):
    records.clear()
    there = [scalar for value in inner for scalar in (value if isinstance(value, list) else [value])]
    known = [scalar for scalar in there if not isinstance(scalar, dict | list)]
    wanted = values + (data.draw(st.lists(st.sampled_from(known), max_size=2)) if known else [])
    check_values(wanted)
    stored = [under(field, value) for value in inner] + also
    put_documents(records, *stored)
    expected = [number for number, document in enumerate(stored, 1) if is_match(document, field, wanted)]
    assert found_by(records, field, *wanted) == expected
    assert found_by(records, field, *wanted, collection="images") == expected
    assert ids_of(records.offset_page(Match(field, tuple(wanted)), offset=0, limit=None)) == expected
    assert records.count(Match(field, tuple(wanted))) == len(expected)
    assert ids_of(records.begin_removal(Match(field, tuple(wanted)))) == expected


# All of it in any order


class Life(RuleBasedStateMachine):
    """The store beside a dictionary of id -> (record, state)."""

    some_ids = st.lists(st.integers(1, 12), max_size=6)
    matches = st.one_of(
        st.just(EVERY),
        st.builds(Match, st.just("parity"), st.sampled_from([(0,), (1,), (0, 1), ()])),
        st.builds(Match, st.just("id"), st.lists(st.integers(1, 12), max_size=3).map(tuple)),
        st.builds(Match, collection=st.sampled_from(["a", "b", "none"])),
        st.builds(Match, ids=some_ids.map(tuple)),
        st.builds(Match, st.just("parity"), st.just((1,)), st.just("a"), some_ids.map(tuple)),
    )

    def __init__(self, records):
        super().__init__()
        self.records = records

    @initialize()
    def empty(self):
        self.records.clear()
        self.model = {}

    @rule(ids=some_ids, collection=st.sampled_from(["a", "b"]))
    def put(self, ids, collection):
        batch = [record(n, {"id": n, "parity": n % 2}, collection=collection) for n in ids]
        if len(set(ids)) < len(ids) or self.model.keys() & set(ids):
            with pytest.raises(DuplicateIdError):
                self.records.put(batch)
        else:
            self.records.put(batch)
            self.model.update({one.id: (one, State.PENDING) for one in batch})

    @rule(ids=some_ids)
    def settle(self, ids):
        self.records.settle(ids)
        for n in ids:
            if self.state(n) is State.PENDING:
                self.model[n] = (self.model[n][0], State.READY)

    @rule(match=matches)
    def begin_removal(self, match):
        expected = self.visible(match)
        assert self.records.begin_removal(match) == expected
        self.model.update({stored.id: (self.model[stored.id][0], State.REMOVING) for stored in expected})

    @rule(ids=some_ids)
    def finish_removal(self, ids):
        self.records.finish_removal(ids)
        for n in ids:
            if self.state(n) is State.REMOVING:
                del self.model[n]

    @rule()
    def clear(self):
        self.empty()

    @rule(match=matches, after=st.integers(0, 12), limit=st.integers(1, 5))
    def read(self, match, after, limit):
        expected = self.visible(match)
        assert self.records.page(match, after=after, limit=limit) == [s for s in expected if s.id > after][:limit]
        assert self.records.offset_page(match, offset=after, limit=limit) == expected[after : after + limit]
        assert self.records.count(match) == len(expected)

    @invariant()
    def agree(self):
        visible = self.visible(EVERY)
        assert self.records.get(range(1, 13)) == {stored.id: stored for stored in visible}
        hashes = self.records.find_hashes("Thumb", [hash_of(n) for n in range(1, 13)])
        assert hashes == {(hash_of(stored.id), stored.collection) for stored in visible}
        for space in ("app_a", "app_b"):
            ids = [stored.id for stored in visible if stored.space == space]
            assert self.records.ids(space).tolist() == ids
            assert sorted(self.records.vectors(space, as_ids(range(1, 13)))[0].tolist()) == ids
        for state in State:
            told = {(space, n) for space, ids in self.records.in_state(state).items() for n in ids.tolist()}
            assert told == {(one.space, one.id) for one, its in self.model.values() if its is state}

    def state(self, n):
        return self.model[n][1] if n in self.model else None

    def visible(self, match):
        return [
            Stored(n, one.space, one.collection, one.document)
            for n, (one, state) in sorted(self.model.items())
            if state is not State.REMOVING
            and (match.field is None or is_match(one.document, match.field, match.values))
            and (match.collection is None or one.collection == match.collection)
            and (match.ids is None or n in match.ids)
        ]


def test_any_order_of_calls_does_as_a_dictionary_would(make_records):
    records = make_records()
    run_state_machine_as_test(
        lambda: Life(records), settings=settings(max_examples=25, stateful_step_count=20, deadline=None)
    )


# Threads and the end


def test_threads_write_and_read_at_once(records):
    stop = threading.Event()
    seen = []

    def write(first):
        for n in range(first, first + 40):
            records.put([record(n * 2), record(n * 2 + 1)])
            records.settle([n * 2])

    def read():
        while not stop.wait(0.001):
            page = ids_of(records.page(EVERY, limit=1000))
            seen.append(page)
            assert all(n ^ 1 in page for n in page), "half a batch"

    with ThreadPoolExecutor(5) as threads:
        readers = [threads.submit(read) for _ in range(2)]
        writers = [threads.submit(write, 100 * (number + 1)) for number in range(3)]
        for writer in writers:
            writer.result()
        stop.set()
        for reader in readers:
            reader.result()
    assert seen
    assert records.count(EVERY) == 240
    assert len(records.in_state(State.READY)["app_images"]) == 120


def test_of_threads_that_put_the_same_id_one_succeeds(records):
    def attempt(number):
        try:
            records.put([record(1, {"by": number}), record(100 + number)])
        except DuplicateIdError:
            return None
        return number

    with ThreadPoolExecutor(8) as threads:
        (winner,) = [number for number in threads.map(attempt, range(8)) if number is not None]
    assert records.get([1])[1].document == {"by": winner}
    assert ids_of(records.page(EVERY, limit=99)) == [1, 100 + winner]


def test_ping_returns(records):
    records.ping()


def test_a_closed_store_refuses_calls(records):
    records.close()
    records.close()
    for call in (records.ping, records.collections, lambda: records.put([record(1)]), lambda: records.count(EVERY)):
        with pytest.raises(StoreError, match="closed"):
            call()

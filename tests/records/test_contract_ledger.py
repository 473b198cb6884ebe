"""What every record store's ledger must do: entries under a kind and an id, changed only by who knows them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.conftest import EVERY, one_store, record
from search_by_image.errors import DuplicateIdError, StoreError
from search_by_image.records.ledger import Entry

KINDS = ("key", "job", "kind-of-thirty-two-characters-ok")
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def ledger(records):
    for kind in KINDS:
        for entry in records.ledger.list(kind, limit=1000):
            records.ledger.delete(kind, entry.id)
    return records.ledger


def ids_of(entries):
    return [entry.id for entry in entries]


def test_an_entry_is_kept_under_its_kind_and_id(ledger):
    assert ledger.add("key", "a", {"name": "shop"}) == Entry("key", "a", {"name": "shop"}, 1)
    assert ledger.add("job", "a", {"done": 3}) == Entry("job", "a", {"done": 3}, 1)
    assert ledger.get("key", "a") == Entry("key", "a", {"name": "shop"}, 1)
    assert ledger.get("job", "a") == Entry("job", "a", {"done": 3}, 1)
    assert ledger.get("key", "b") is None
    assert ledger.get("other", "a") is None


def test_an_id_is_taken_once_in_a_kind(ledger):
    ledger.add("key", "a", {"name": "first"})
    with pytest.raises(DuplicateIdError):
        ledger.add("key", "a", {"name": "second"})
    assert ledger.get("key", "a").body == {"name": "first"}


def test_entries_are_listed_in_the_order_of_their_ids_part_by_part(ledger):
    ids = ["B", "a", "b ", "b", "10", "9", "ä", "猫", "😀", "｡", "b\tc", "A"]
    for id_ in ids:
        ledger.add("key", id_, {"id": id_})
    ledger.add("job", "c", {})
    in_order = sorted(ids)
    assert ids_of(ledger.list("key", limit=100)) == in_order
    assert [entry.body["id"] for entry in ledger.list("key", limit=100)] == in_order
    assert ids_of(ledger.list("key", limit=4)) == in_order[:4]
    assert ids_of(ledger.list("key", after=in_order[3], limit=4)) == in_order[4:8]
    assert ids_of(ledger.list("key", after="b", limit=2)) == in_order[in_order.index("b") + 1 :][:2]
    assert ledger.list("key", after=in_order[-1], limit=4) == ()
    assert ledger.list("key", limit=0) == ()
    assert ids_of(ledger.list("job", limit=9)) == ["c"]


def test_a_body_is_replaced_by_who_knows_its_version(ledger):
    ledger.add("job", "a", {"done": 0})
    ledger.add("job", "b", {"done": 0})
    assert ledger.replace("job", "a", {"done": 1}, 1)
    assert not ledger.replace("job", "a", {"done": 9}, 1)
    assert ledger.replace("job", "a", {"done": 1}, 2)
    assert ledger.get("job", "a") == Entry("job", "a", {"done": 1}, 3)
    assert ledger.get("job", "b") == Entry("job", "b", {"done": 0}, 1)
    assert not ledger.replace("job", "none", {}, 1)
    assert not ledger.replace("key", "a", {}, 3)


def test_a_deleted_entry_is_gone_and_its_id_is_free(ledger):
    ledger.add("key", "a", {"n": 1})
    ledger.add("job", "a", {"n": 2})
    assert ledger.delete("key", "a")
    assert not ledger.delete("key", "a")
    assert ledger.get("key", "a") is None
    assert not ledger.replace("key", "a", {}, 1)
    assert ledger.get("job", "a").body == {"n": 2}
    assert ledger.add("key", "a", {"n": 3}).version == 1


def test_kind_and_id_may_be_as_long_as_promised(ledger):
    longest = "猫" * 200
    ledger.add(KINDS[-1], longest, {"n": 1})
    assert ledger.get(KINDS[-1], longest).body == {"n": 1}


@one_store
@given(body=st.dictionaries(st.text(), JSON, max_size=4))
def test_a_body_comes_back_as_it_was(ledger, body):
    ledger.delete("key", "a")
    ledger.add("key", "a", body)
    assert repr(ledger.get("key", "a").body) == repr(body)


def test_a_deep_body_comes_back_as_it_was(ledger):
    body: dict = {}
    for _ in range(60):
        body = {"-in": [body]}
    ledger.add("key", "a", body)
    assert ledger.get("key", "a").body == body


@pytest.mark.parametrize("body", [{"n": float("nan")}, {"n": b"bytes"}, {"n": {1, 2}}])
def test_what_is_not_json_is_refused(ledger, body):
    with pytest.raises(StoreError):
        ledger.add("key", "a", body)
    assert ledger.get("key", "a") is None
    ledger.add("key", "a", {})
    with pytest.raises(StoreError):
        ledger.replace("key", "a", body, 1)
    assert ledger.get("key", "a") == Entry("key", "a", {}, 1)


def test_of_threads_that_replace_the_same_version_one_wins(ledger):
    ledger.add("job", "a", {"owner": None})
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda n: ledger.replace("job", "a", {"owner": n}, 1), range(8)))
    assert won.count(True) == 1
    assert ledger.get("job", "a") == Entry("job", "a", {"owner": won.index(True)}, 2)


def test_of_threads_that_add_the_same_id_one_wins(ledger):
    def add(number: int) -> bool:
        try:
            ledger.add("job", "a", {"owner": number})
        except DuplicateIdError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(add, range(8)))
    assert won.count(True) == 1
    assert ledger.get("job", "a").body == {"owner": won.index(True)}


def test_emptying_the_library_leaves_the_ledger(records, ledger):
    records.put([record(1)])
    ledger.add("key", "a", {"n": 1})
    records.clear()
    assert records.count(EVERY) == 0
    assert ledger.get("key", "a").body == {"n": 1}


def test_a_closed_store_refuses(make_records):
    records = make_records()
    records.close()
    for call in (
        lambda: records.ledger.get("key", "a"),
        lambda: records.ledger.add("key", "a", {}),
        lambda: records.ledger.list("key", limit=1),
    ):
        with pytest.raises(StoreError, match="closed"):
            call()

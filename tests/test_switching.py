"""A library switched from one model to another and back, while everybody goes on."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest

from cheap_library import picture
from search_by_image.checking import Checker
from search_by_image.errors import (
    InvalidInputError,
    ModelError,
    NotFoundError,
    OverloadedError,
    StoreError,
    UnknownNameError,
    VectorMismatchError,
)
from search_by_image.exported import ExportedLibrary
from search_by_image.filters import In
from search_by_image.interchange import export
from search_by_image.locks import Gate
from search_by_image.model_overlap import neighbour_overlap
from search_by_image.pairs import left_behind
from search_by_image.reconciling import differences
from search_by_image.records.base import Match, State
from search_by_image.records.sql import SqlRecordStore
from search_by_image.reembedding import FailureReport
from search_by_image.similar import PictureExample, StoredExample, Wanted
from search_by_image.switching import ModelSwitch
from search_by_image.transfer import Transfer, search_of
from search_by_image.variant import Replacement, Variant
from search_by_image.vectors.base import as_ids
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings
from switched_library import NEW, OLD, REDDISH, Switching, everything, expected, opened, source

PICTURES = 12


@pytest.fixture
def records(shared_records):
    return shared_records


@pytest.fixture
def index(shared_index):
    return shared_index


@pytest.fixture
def library(records, index):
    made = opened(records, index)
    for number in range(PICTURES):
        made.keyed.put(f"k{number}", made.prepare(picture(number), {"n": number}, "Thumb", "images", pinned=True))
    return made


@pytest.fixture
def switching(records):
    return Switching(records)


def found(library, number, top_k=PICTURES):
    return expected(library.search(picture(number), "Thumb", top_k=top_k))


def all_found(library):
    return {number: found(library, number) for number in range(PICTURES)}


def agreed(records, index):
    parts = [part for space in records.spaces() for part in differences(records, index, space)]
    return not any(map(len, parts)) and not records.in_state(State.REMOVING)


def spaces(records):
    return {space.name[: len(NEW)]: space.role for space in records.spaces()}


class TestTheWayThere:
    def test_each_step_changes_what_is_searched_and_nothing_else(self, library, records, index, switching):
        old, pictures = all_found(library), everything(records)
        done = switching.embed()
        assert (done.pictures, done.embedded, done.failed, done.failures) == (PICTURES, PICTURES, 0, ())
        assert spaces(records) == {OLD: None, NEW: "successor"}
        library.maintain()
        assert all_found(library) == old
        switching.promote()
        assert all_found(library) == old
        library.maintain()
        new = all_found(library)
        assert all(new[n] != old[n] and new[n][0] == (n, 1.0) for n in range(PICTURES))
        switching.roll_back()
        library.maintain()
        assert all_found(library) == old
        switching.promote()
        library.maintain()
        switching.finish()
        assert all_found(library) == new
        for _ in range(3):
            library.maintain()
        assert all_found(library) == new
        assert spaces(records) == {NEW: None}
        assert index.kept() == (records.spaces()[0].name,)
        assert everything(records) == pictures
        assert agreed(records, index)

    @pytest.mark.parametrize("rounds", [0, 1])
    def test_a_library_that_is_closed_right_after_leaves_no_place(self, library, switching, tmp_path, rounds):
        """Nobody else would drop it: a service is stopped soon after the end of a switch."""
        switching.embed()
        switching.promote()
        library.maintain()
        switching.finish()
        for _ in range(rounds):
            library.maintain()
        kept = switching.now.own.name
        library.close()
        index = EmbeddedIndex(EmbeddedSettings(path=tmp_path / "vectors"))
        assert index.kept() == (kept,)
        index.close()

    def test_an_old_place_that_could_not_be_dropped_is_dropped_later(self, library, index, switching, monkeypatch):
        switching.embed()
        switching.promote()
        library.maintain()
        switching.finish()
        library.maintain()

        def refused(_name):
            raise StoreError("not now")

        with monkeypatch.context() as now:
            now.setattr(index, "drop_space", refused)
            with pytest.raises(StoreError, match="not now"):
                library.maintain()
        library.maintain()
        assert index.kept() == (switching.now.own.name,)

    def test_a_library_opened_later_finds_the_same(self, library, records, index, switching):
        switching.embed()
        switching.promote()
        library.maintain()
        new = all_found(library)
        assert all_found(opened(records, index)) == new
        switching.finish()
        assert all_found(opened(records, index)) == new

    def test_back_to_the_configured_model_by_another_switch(self, library, records, index, switching):
        old = all_found(library)
        for processors in (REDDISH, ""):
            switching.embed(processors)
            switching.promote()
            library.maintain()
            switching.finish()
            library.maintain()
        assert all_found(library) == old
        (space,) = records.spaces()
        assert (space.role, space.variant) == (None, None)

    def test_ids_of_pictures_and_their_versions_stay(self, library, records, switching):
        before = library.keyed.find("images", "k3")
        switching.embed()
        switching.promote()
        library.maintain()
        switching.finish()
        library.maintain()
        after = library.keyed.find("images", "k3")
        assert after == replace(before, space=after.space)
        changed = library.keyed.change("images", "k3", {"x": 1})
        assert found(library, 3)[0] == (3, 1.0)
        assert changed.document == {"n": 3, "x": 1}


class TestImports:
    """Pictures that come, change and go while there are two models lose nothing, whichever way it ends."""

    @pytest.mark.parametrize(("promoted", "follows"), list(product((False, True), repeat=2)))
    def test_both_models_find_them(self, library, records, switching, promoted, follows):
        switching.embed()
        if promoted:
            switching.promote()
        if follows:
            library.maintain()
        self.change(library)
        assert len(ModelSwitch(records).missing(switching.now.own, switching.now.new)) == 0
        for step in (switching.promote, switching.roll_back, switching.promote, switching.finish):
            step()
            library.maintain()
            self.check(library, records)
        assert agreed(records, library._index)

    @staticmethod
    def change(library):
        library.add(picture(50), {"n": 50}, "Thumb")
        library.keyed.put("k51", library.prepare(picture(51), {"n": 51}, "Thumb"))
        library.keyed.put("k1", library.prepare(picture(52), {"n": 52}, "Thumb"))
        library.keyed.change("images", "k2", {"changed": True})
        library.keyed.remove("images", "k3")
        library.remove(Match(In("n", (4,))))

    @staticmethod
    def check(library, records):
        for number in (50, 51, 52, 2, 0):
            assert found(library, number)[0] == (number, 1.0)
        there = {number for number, _ in found(library, 0, 50)}
        assert there == {*range(PICTURES), 50, 51, 52} - {1, 3, 4}
        assert library.keyed.find("images", "k2").document == {"n": 2, "changed": True}

    def test_they_are_found_at_once_by_the_new_model(self, library, switching):
        switching.embed()
        switching.promote()
        library.maintain()
        library.add(picture(90), {"n": 90}, "Thumb")
        library.keyed.put("k91", library.prepare(picture(91), {"n": 91}, "Thumb"))
        library.keyed.change("images", "k2", {"changed": True})
        assert [found(library, number, 1) for number in (90, 91, 2)] == [[(90, 1.0)], [(91, 1.0)], [(2, 1.0)]]

    def test_a_picture_prepared_before_the_promotion_is_found_after_it(self, library, records, switching):
        one, other = (library.prepare(picture(number), {"n": number}, "Thumb") for number in (60, 61))
        assert one.second is None
        switching.embed()
        switching.promote()
        library.add_many([one])
        library.keyed.put("k61", other)
        library.maintain()
        assert [found(library, number)[0] for number in (60, 61)] == [(60, 1.0), (61, 1.0)]

    def test_a_picture_prepared_before_the_switch_and_written_after_its_end(self, library, records, switching):
        one, other = (library.prepare(picture(number), {"n": number}, "Thumb") for number in (60, 61))
        switching.embed()
        switching.promote()
        switching.finish()
        library.add_many([one])
        library.maintain()
        library.keyed.put("k61", other)
        assert [found(library, number)[0] for number in (60, 61)] == [(60, 1.0), (61, 1.0)]
        assert {one.space for one in records.page(Match(), limit=50)} == {records.spaces()[0].name}

    def test_a_change_of_a_document_while_its_picture_is_embedded(self, library, records, switching, monkeypatch):
        real = library._writer.index

        def embedded_meanwhile(*args):
            real(*args)
            monkeypatch.setattr(library._writer, "index", real)
            switching.embed()
            switching.promote()

        monkeypatch.setattr(library._writer, "index", embedded_meanwhile)
        library.keyed.change("images", "k5", {"x": 1})
        library.maintain()
        assert found(library, 5)[0] == (5, 1.0)

    def test_what_is_removed_stays_away_from_both(self, library, records, index, switching):
        switching.embed()
        library.maintain()
        library.remove(Match(In("n", (5,))))
        assert len(index.ids(records.spaces()[0].indexed.name)) == PICTURES - 1
        assert len(index.ids(records.spaces()[1].indexed.name)) == PICTURES - 1

    def test_clear_and_drop_take_both(self, library, records, index, switching):
        switching.embed()
        library.maintain()
        library.drop_collection("images")
        assert records.spaces() == index.kept() == ()
        library.add(picture(1), {"n": 1}, "Thumb")
        switching.embed()
        switching.promote()
        library.maintain()
        library.clear()
        assert records.spaces() == index.kept() == ()
        library.add(picture(1), {"n": 1}, "Thumb")
        assert found(library, 1)[0] == (1, 1.0)
        assert spaces(records) == {OLD: None}

    def test_what_is_written_in_the_last_moment_moves_as_well(self, library, records, switching, monkeypatch):
        switching.embed()
        switching.promote()
        library.maintain()
        (late,) = records.read(OLD, records.ids(OLD)[:1])
        real = records.drop_space

        def dropped(space):
            records.put([replace(late, id=5, key=None)])
            return real(space)

        monkeypatch.setattr(records, "drop_space", dropped)
        switching.finish()
        assert {one.space for one in records.page(Match(), limit=50)} == {records.spaces()[0].name}
        assert len(records.ids(records.spaces()[0].name)) == PICTURES + 1


class TestIncomplete:
    @staticmethod
    def only_even(document):
        if document["n"] % 2:
            raise NotFoundError("file", str(document["n"]), "the folder")
        return source(document)

    def test_what_cannot_be_read_is_told_and_tried_again(self, library, switching, tmp_path):
        report = tmp_path / "deep" / "failures.jsonl"
        with FailureReport(report) as lines:
            done = switching.embed(source=self.only_even, report=lines)
        assert (done.embedded, done.failed, done.missing, done.report) == (6, 6, 6, report)
        assert (done.failures[0].code, done.failures[0].message) == ("not_found", "There is no file '1' in the folder.")
        assert len(report.read_text().splitlines()) == 6
        assert {failure.name for failure in done.failures} == {f"k{number}" for number in range(1, PICTURES, 2)}
        again = switching.embed()
        assert (again.embedded, again.failed, again.report) == (6, 0, None)

    def test_the_index_gets_the_new_vectors_before_the_promotion(self, library, index, switching):
        switching.embed(source=self.only_even)
        library.maintain()
        place = switching.now.new.indexed.name
        assert len(index.ids(place)) == PICTURES // 2
        switching.embed()
        library._indexed._next_filling = 0.0
        library.maintain()
        assert len(index.ids(place)) == PICTURES

    def test_it_is_not_promoted_unless_asked_to(self, library, records, switching):
        switching.embed(source=self.only_even)
        with pytest.raises(InvalidInputError, match=r"6 pictures have no vector of the new model.*--leave-out"):
            switching.promote()
        switching.promote(leave_out=True)
        library.maintain()
        assert sorted(number for number, _ in found(library, 0)) == list(range(0, PICTURES, 2))
        with pytest.raises(InvalidInputError, match="--drop-missing"):
            switching.finish()
        switching.roll_back()
        library.maintain()
        assert len(found(library, 0)) == PICTURES

    def test_or_finished_without_them(self, library, records, index, switching):
        switching.embed(source=self.only_even)
        switching.promote(leave_out=True)
        library.maintain()
        assert switching.finish(drop_missing=True) == 6
        library.maintain()
        assert sorted(one.document["n"] for one in everything(records)) == list(range(0, PICTURES, 2))
        assert agreed(records, index)

    def test_what_is_left_out_waits_for_what_comes_in_a_moment(self, library, records, switching):
        switching.embed(source=self.only_even)
        assert ModelSwitch(records).left_out(switching.now) == 0
        switching.promote(leave_out=True)
        assert ModelSwitch(records).left_out(switching.now) == 6
        late = threading.Timer(0.2, switching.embed)
        late.start()
        assert ModelSwitch(records, grace=20).left_out(switching.now) == 0
        late.join()
        assert switching.finish(drop_missing=True) == 0

    def test_a_picture_whose_document_changes_meanwhile_is_embedded_too(self, library, records, switching):
        """The service that changes it does not know the new model yet; the picture has another id by then."""
        changed = threading.Event()

        def slow(document):
            if not changed.is_set():
                changed.set()
                library.keyed.change("images", f"k{PICTURES - 1}", {"x": 1})
            return source(document)

        done = switching.embed(source=slow, threads=1, batch=2)
        assert (done.pictures, done.failed, done.missing) == (PICTURES, 0, 0)
        switching.promote()

    def test_a_run_ends_when_the_switch_is_abandoned_meanwhile(self, library, records, switching):
        def abandoning(document):
            if switching.now.new is not None:
                switching.abandon()
            return source(document)

        with pytest.raises(InvalidInputError, match="was abandoned meanwhile"):
            switching.embed(source=abandoning)
        assert all(one.second is None for one in records.read(OLD, records.ids(OLD)))

    def test_a_picture_that_is_another_one_now_is_refused_unless_accepted(self, library, switching):
        def moved_on(document):
            return picture(document["n"] + 100)

        assert switching.embed(source=lambda d: moved_on(d) if d["n"] else source(d)).failed == PICTURES - 1
        assert switching.embed(source=moved_on, accept_changed=True).failed == 0

    def test_no_picture_at_all_begins_nothing(self, library, records, switching, monkeypatch):
        monkeypatch.setattr("switched_library.Reddish.dimension", None)
        with pytest.raises(InvalidInputError, match=r"No picture of collection 'images' can be read again.*nowhere"):
            switching.embed(source=lambda _: (_ for _ in ()).throw(NotFoundError("file", "x", "nowhere")))
        assert spaces(records) == {OLD: None}
        assert switching.embed().failed == 0


class TestRefused:
    def test_the_same_model(self, library, switching):
        with pytest.raises(InvalidInputError, match="from this model already"):
            switching.embed("")

    def test_two_models_at_once(self, library, records, switching):
        switching.embed()
        with pytest.raises(InvalidInputError, match="another switch"):
            switching.embed('{"Thumbnail": {"processor": "Brightness"}}')
        assert spaces(records) == {OLD: None, NEW: "successor"}

    def test_steps_out_of_order(self, library, records, switching):
        for step in (switching.promote, switching.roll_back, switching.abandon):
            with pytest.raises(InvalidInputError, match="no switch of the model is under way"):
                step()
        switching.embed()
        with pytest.raises(InvalidInputError, match="Promote it first"):
            switching.finish()
        switching.promote()
        with pytest.raises(InvalidInputError, match="Roll back first"):
            switching.abandon()

    def test_processors_that_are_not_there(self, library, switching):
        with pytest.raises(UnknownNameError, match="'Nowhere'"):
            switching.embed('{"Nowhere": {"processor": "Reddish"}}')
        with pytest.raises(ModelError, match="'Nowhere'"):
            switching.embed('{"Thumbnail": {"processor": "Nowhere"}}')
        with pytest.raises(InvalidInputError, match="does not say what stands in place"):
            switching.embed("[]")

    def test_of_two_commands_one_wins(self, library, records, switching):
        switching.embed()
        before = switching.now
        assert ModelSwitch(records).promote(before) == ModelSwitch(records).promote(before)
        with pytest.raises(StoreError, match="another command"):
            ModelSwitch(records).abandon(before)


class TestAbandoned:
    def test_nothing_of_it_stays(self, library, records, index, switching):
        old = all_found(library)
        switching.embed()
        library.maintain()
        switching.abandon()
        for _ in range(3):
            library.maintain()
        assert spaces(records) == {OLD: None}
        assert index.kept() == (OLD,)
        assert all(one.second is None for one in records.read(OLD, records.ids(OLD)))
        assert all_found(library) == old

    def test_and_begun_again(self, library, records, index, switching):
        switching.embed()
        library.maintain()
        switching.abandon()
        library.maintain()
        library.add(picture(70), {"n": 70}, "Thumb")
        assert switching.embed().embedded == PICTURES + 1
        switching.promote()
        for _ in range(3):
            library.maintain()
        assert found(library, 70)[0] == (70, 1.0)
        assert agreed(records, index)


class TestModelMissing:
    """A process in which the new model does not work stays with the old one as long as that is there."""

    @pytest.fixture
    def broken(self, monkeypatch):
        def break_it(library):
            def never(*_):
                raise ModelError("It is not installed here.")

            monkeypatch.setattr(library.variants, "_remake", never)

        return break_it

    def test_it_serves_the_old_one_and_says_so_once(self, library, switching, broken, caplog):
        old = all_found(library)
        broken(library)
        switching.embed()
        library.maintain()
        library.add(picture(80), {"n": 80}, "Thumb")
        with pytest.raises(InvalidInputError, match="1 pictures have no vector"):
            switching.promote()
        switching.embed()
        switching.promote()
        library.maintain()
        assert {n: [hit for hit in found(library, n, 50) if hit[0] != 80] for n in range(PICTURES)} == old
        assert [one.message for one in caplog.records] == [
            "The new model of collection 'images' does not work here: It is not installed here."
        ]

    def test_its_imports_are_refused_once_the_new_one_serves(self, library, records, switching, broken):
        switching.embed()
        broken(library)
        switching.promote()
        library.maintain()
        with pytest.raises(ModelError, match="not installed"):
            library.add(picture(80), {"n": 80}, "Thumb")
        assert library.count() == PICTURES

    def test_at_the_end_it_says_what_is_missing(self, library, records, index, switching, broken):
        switching.embed()
        broken(library)
        switching.promote()
        switching.finish()
        library.maintain()
        with pytest.raises(ModelError, match="not installed"):
            found(library, 1)


class TestIndexRefusesIt:
    """A model whose vectors the index cannot take stops nothing: the old one serves, and everything goes on."""

    @pytest.fixture
    def blocked(self, library, index, switching):
        """A file stands where the index would keep the new space: a disk that refuses it, for good or for a while."""
        switching.embed()
        before = set(index._settings.path.iterdir())
        index.open_space(switching.now.new.indexed)
        (folder,) = set(index._settings.path.iterdir()) - before
        index.drop_space(switching.now.new.indexed.name)
        folder.write_text("in the way")
        return folder

    def test_searches_imports_and_restarts_go_on_and_the_log_says_it_once(
        self, library, records, index, blocked, caplog
    ):
        old = all_found(library)
        for _ in range(3):
            library.maintain()
        library.add(picture(80), {"n": 80}, "Thumb")
        library.keyed.put("k81", library.prepare(picture(81), {"n": 81}, "Thumb"))
        library.keyed.change("images", "k2", {"changed": True})
        library.keyed.remove("images", "k81")
        assert found(library, 80, 1) == [(80, 1.0)]
        assert found(opened(records, index), 80, 1) == [(80, 1.0)]
        library.remove(Match(In("n", (80,))))
        assert all_found(library) == old
        told = [one.message for one in caplog.records if "cannot take" in one.message]
        assert len(told) == 2
        assert told[0].startswith("The index cannot take the new model of collection 'images': ")

    def test_promoted_it_is_not_searched_and_comes_when_the_index_can(self, library, switching, blocked):
        old = all_found(library)
        library.maintain()
        library.add(picture(80), {"n": 80}, "Thumb")
        switching.promote()
        library.maintain()
        assert {n: [hit for hit in found(library, n, 50) if hit[0] != 80] for n in range(PICTURES)} == old
        blocked.unlink()
        library.maintain()
        assert [space.role for space in library.spaces()] == ["serving"]
        assert found(library, 80, 1) == [(80, 1.0)]
        assert found(library, 3) != old[3]

    def test_rolled_back_from_at_once(self, library, records, index, switching, monkeypatch):
        old = all_found(library)
        switching.embed()
        switching.promote()
        library.maintain()
        switching.roll_back()

        def refused(_space):
            raise StoreError("no memory")

        monkeypatch.setattr(index, "open_space", refused)
        library.maintain()
        assert all_found(library) == old

    def test_a_vector_that_it_refuses_is_filled_in_later(self, library, records, index, switching, monkeypatch):
        switching.embed()
        library.maintain()
        real = index.upsert

        def full(name, *rest):
            if name.startswith(NEW):
                raise StoreError("no memory")
            real(name, *rest)

        with monkeypatch.context() as now:
            now.setattr(index, "upsert", full)
            library.add(picture(80), {"n": 80}, "Thumb")
        switching.promote()
        library.maintain()
        assert found(library, 80, 1) == [(80, 1.0)]
        assert agreed(records, index)


class TestQueueFull:
    def test_an_import_is_refused_not_robbed_of_its_second_vector(self, library, records, switching, monkeypatch):
        switching.embed()
        library.maintain()
        real = library.extractor.extract_by

        def full(image, steps, *rest):
            if steps is not library.pipelines["Thumb"]:
                raise OverloadedError("full")
            return real(image, steps, *rest)

        with monkeypatch.context() as now:
            now.setattr(library.extractor, "extract_by", full)
            with pytest.raises(OverloadedError):
                library.add(picture(80), {"n": 80}, "Thumb")
        assert library.count() == PICTURES
        library.add(picture(80), {"n": 80}, "Thumb")
        switching.promote()

    def test_it_does_not_count_as_a_model_that_does_not_work(self, library, records, index, switching, caplog):
        switching.embed()
        crowded = opened(records, index)
        crowded.extractor.gate = Gate(1, 0)
        with crowded.extractor.gate.enter():
            crowded.maintain()
        assert caplog.records == []
        crowded.add(picture(80), {"n": 80}, "Thumb")
        switching.promote()


class TestConfiguration:
    def test_a_variant_counts_only_for_the_pipeline_that_it_was_made_for(self, library, records, index, switching):
        switching.embed()
        switching.promote()
        library.maintain()
        switching.finish()
        (space,) = records.spaces()
        variant = Variant.of(space)
        assert records.replace_space(
            space, replace(space, variant=variant.model_copy(update={"configured": "other"}).model_dump_json())
        )
        other = opened(records, index)
        with pytest.raises(VectorMismatchError, match=r"search-by-image reindex --model NAME"):
            found(other, 1)
        with pytest.raises(VectorMismatchError):
            other.add(picture(90), {"n": 90}, "Thumb")

    def test_a_model_that_loads_holds_up_nobody_but_who_wants_it(self, library, monkeypatch):
        configured, replaced = library.pipelines["Thumb"], Replacement(processor="Thumbnail")
        slow, quick = (
            Variant(model=name, configured="", processors={"Thumbnail": replaced}) for name in ("slow", "quick")
        )
        loading, go_on = threading.Event(), threading.Event()

        def remake(pipeline, variant):
            if variant is slow:
                loading.set()
                assert go_on.wait(30)
            return pipeline

        monkeypatch.setattr(library.variants, "_remake", remake)
        with ThreadPoolExecutor(1) as threads:
            made = threads.submit(library.variants.make, configured, slow)
            assert loading.wait(30)
            assert library.variants.make(configured, quick) is configured
            assert not made.done()
            go_on.set()
            assert made.result() is configured

    def test_a_processor_that_stays_is_the_same_object(self, library):
        configured = library.pipelines["Thumb"]
        variant = Variant(
            model="x", configured="", processors={"Brightness": {"processor": "Brightness", "para": {"a": "1"}}}
        )
        made = library.variants.make(configured, variant)
        assert made.nodes[0].typed is configured.nodes[0].typed
        assert made.fingerprint == configured.fingerprint


class TestSimilar:
    def test_stored_examples_and_several_collections(self, library, records, index, switching):
        library.keyed.put("cat", library.prepare(picture(3), {"n": 3}, "Thumb", "cats", pinned=True))
        switching.embed()
        switching.promote()
        library.maintain()
        wanted = Wanted(limit=3)
        by_key = library.similar.search([StoredExample("images", "k3")], "Thumb", ["images"], wanted)
        assert expected(by_key.hits) == found(library, 3, 3)
        both = library.similar.search([PictureExample(picture(3))], "Thumb", ["images", "cats"], wanted)
        assert [(hit.collection, hit.document["n"], round(hit.score, 4)) for hit in both.hits[:2]] == [
            ("images", 3, 1.0),
            ("cats", 3, 1.0),
        ]
        new = library.similar.compare(StoredExample("images", "k3"), PictureExample(picture(4)), "Thumb")
        assert round(new.score, 4) == dict(found(library, 3))[4]
        with pytest.raises(VectorMismatchError, match="no vector of the model"):
            library.similar.search([StoredExample("cats", "cat")], "Thumb", ["images"], wanted)

    def test_an_example_with_both_vectors_serves_both_models(self, library, records, switching):
        library.keyed.put("cat", library.prepare(picture(3), {"n": 3}, "Thumb", "cats", pinned=True))
        switching.embed()
        switching.promote()
        library.maintain()
        found = library.similar.search([StoredExample("images", "k3")], "Thumb", ["cats"], Wanted(limit=1))
        assert expected(found.hits) == [(3, 1.0)]


class TestTaken:
    """`copy`, `export` and `restore` take what is searched, and say what stays; `check` finds both whole."""

    @pytest.fixture
    def target(self, tmp_path):
        stores = (
            SqlRecordStore(f"sqlite:///{tmp_path}/target.db"),
            EmbeddedIndex(EmbeddedSettings(path=tmp_path / "target")),
        )
        yield stores
        for store in stores:
            store.close()

    @pytest.mark.parametrize("promoted", [False, True])
    def test_copied(self, library, records, switching, target, promoted):
        switching.embed(source=TestIncomplete.only_even)
        if promoted:
            switching.promote(leave_out=True)
        library.maintain()
        (report,) = Transfer(records, search_of(records, library._index), *target, app_name="other").run()
        assert report.problems() == []
        assert report.copied == (6 if promoted else PICTURES)
        told = left_behind(records.spaces(), records.ids)
        assert len(told) == 1 + promoted
        assert not promoted or "6 pictures have no vector" in told[1]
        copied = opened(*target, app_name="other")
        assert all_found(copied) == {n: found(library, n) for n in range(PICTURES)}
        assert {one.second for one in target[0].read(*whole(target[0]))} == {None}

    def test_exported_and_restored(self, library, records, switching, target, tmp_path):
        switching.embed()
        switching.promote()
        library.maintain()
        manifest = export(records, tmp_path / "export")
        assert [space.count for space in manifest.spaces] == [PICTURES]
        exported = ExportedLibrary(tmp_path / "export", document_bytes=10_000)
        Transfer(exported, exported.search, *target, app_name="other").run()
        assert all_found(opened(*target, app_name="other")) == all_found(library)

    def test_an_export_of_a_library_that_was_never_switched_is_as_before(self, library, records, tmp_path):
        export(records, tmp_path / "export")
        assert "variant" not in (tmp_path / "export" / "manifest.json").read_text()

    def test_checked(self, library, records, index, switching):
        switching.embed()
        library.maintain()
        found = Checker(records, index, app_name="search_by_image").run()
        assert found.problems() == []
        assert [space.role for space in found.spaces] == [None, "successor"]
        assert (found.unnamed, found.spaceless) == ((), 0)
        records.drop_space(switching.now.new)
        assert Checker(records, index, app_name="search_by_image", pause=0.0).run().spaceless == 0
        records.drop_space(switching.now.own)
        assert Checker(records, index, app_name="search_by_image", pause=0.0).run().spaceless == PICTURES


def whole(records):
    (space,) = records.spaces()
    return space.name, records.ids(space.name)


def test_overlap_is_that_of_the_nearest_neighbours(library, records, switching):
    assert neighbour_overlap(records, *[records.space(OLD)] * 2) == 1.0
    switching.embed()
    own, new = switching.now.own, switching.now.new
    assert 0.5 < neighbour_overlap(records, own, new) < 1.0
    records.begin_removal(Match(In("n", tuple(range(4)))))
    assert neighbour_overlap(records, own, new) is None


def test_a_search_that_began_before_the_end_of_a_switch_is_answered_after_it(
    library, records, index, switching, monkeypatch
):
    """Its vector is of the old model, whose place is dropped by then: it is made anew."""
    switching.embed()
    switching.promote()
    other = opened(records, index)
    new = all_found(other)
    real = library._pictures._finder.nearest

    def ended_meanwhile(*args):
        monkeypatch.setattr(library._pictures._finder, "nearest", real)
        switching.finish()
        index.drop_space(OLD)
        return real(*args)

    monkeypatch.setattr(library._pictures._finder, "nearest", ended_meanwhile)
    assert found(library, 3) == new[3]


class Busy:
    """A worker that imports, removes, searches and keeps house; what went wrong, and what it saw."""

    def __init__(self, worker, first):
        self.worker = worker
        self.failures = []
        self.seen = []
        self.alive = []
        self._dice = random.Random(first)
        self._number = first

    def go_on(self, stop):
        while not stop.is_set():
            self.step()

    def step(self):
        number, self._number = self._number, self._number + 1
        self.worker.add(picture(number), {"n": number}, "Thumb")
        self.alive.append(number)
        if not self.finds(number):
            self.failures.append(("lost", number))
        probe = self._dice.randrange(PICTURES)
        self.seen.append((probe, self.probed(probe)))
        if self._dice.random() < 0.4:
            gone = self.alive.pop(self._dice.randrange(len(self.alive)))
            self.worker.remove(Match(In("n", (gone,))))
        if self._dice.random() < 0.3:
            self.worker.maintain()

    def finds(self, number):
        return expected(self.worker.search(picture(number), "Thumb", top_k=1)) == [(number, 1.0)]

    def probed(self, number):
        first = In("n", tuple(range(PICTURES)))
        return expected(self.worker.search(picture(number), "Thumb", top_k=PICTURES, where=first))


def test_what_another_command_changed_meanwhile_is_forgotten_too(records, index):
    worker = opened(records, index)
    worker.add(picture(1), {"n": 1}, "Thumb")
    switching = Switching(records)
    switching.embed()
    switching.promote()
    switch = switching.now
    assert records.replace_space(switch.own, replace(switch.own, index_name="rebuilt"))
    ModelSwitch(records).finish(switch)
    assert [(space.name, space.role) for space in records.spaces()] == [(switch.new.name, None)]


def with_latecomers(switching, step):
    """On a busy machine a picture begun before the switch may come after `grace`: the step is refused then."""
    for _ in range(10):
        try:
            return step()
        except InvalidInputError as error:
            assert "have no vector of the new model" in str(error)
            switching.embed()
    return step()


def test_everybody_goes_on_meanwhile(records, index):
    """Searches find what one model or the other finds, never a mixture; nothing is lost, and nothing fails."""
    workers = [Busy(opened(records, index), 1000 * place) for place in (1, 2, 3)]
    for number in range(PICTURES):
        workers[0].worker.add(picture(number), {"n": number}, "Thumb")
    stop, switching = threading.Event(), Switching(records, grace=0.3)
    models = [[workers[0].probed(number) for number in range(PICTURES)]]
    with ThreadPoolExecutor(len(workers)) as threads:
        working = [threads.submit(worker.go_on, stop) for worker in workers]
        try:
            for step in (switching.embed, switching.embed, switching.promote, switching.roll_back, switching.promote):
                with_latecomers(switching, step)
                for busy in workers:
                    busy.worker.maintain()
            models.append([workers[0].probed(number) for number in range(PICTURES)])
            with_latecomers(switching, switching.finish)
        finally:
            stop.set()
        for one in working:
            one.result()
    seen = [one for busy in workers for one in busy.seen]
    assert [failure for busy in workers for failure in busy.failures] == []
    assert [one for one in seen if one[1] not in (models[0][one[0]], models[1][one[0]])] == []
    assert all(
        any(found == model[number] != other[number] for number, found in seen) for model, other in permutations(models)
    )
    for busy in workers:
        busy.worker.maintain()
        busy.worker.maintain()
    alive = [number for busy in workers for number in busy.alive]
    assert all(busy.finds(number) for busy in workers for number in alive)
    assert workers[0].worker.count() == PICTURES + len(alive)
    assert agreed(records, index)
    assert np.array_equal(records.ids(records.spaces()[0].name), as_ids(sorted(one.id for one in everything(records))))

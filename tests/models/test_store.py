"""The folder of installed models: whole or not there, whatever stops an installation, one at a time."""

import json
import multiprocessing
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from made_models import described, install_grid, manifest_of
from search_by_image.errors import InvalidInputError, ModelError, ModelNotInstalledError, NotFoundError
from search_by_image.models.store import ModelStore


@pytest.fixture
def store(tmp_path) -> ModelStore:
    return ModelStore(tmp_path / "deep" / "models")


def filled(content: bytes):
    def fill(folder: Path):
        (folder / "grid.xml").write_bytes(content)
        return manifest_of(folder, described())

    return fill


def leftovers(store) -> list[str]:
    return [one.name for one in store.folder.iterdir() if not one.name.endswith(".lock") and one.name != "colour-grid"]


def test_what_was_installed_is_found_again(store):
    made = install_grid(store)
    assert store.names() == ("colour-grid",)
    assert ModelStore(store.folder).get("colour-grid") == made
    assert made.manifest.model == described()
    assert set(made.manifest.files) == {"grid.xml", "grid.bin"}
    made.check_files()
    assert leftovers(store) == []


def test_the_manifest_is_json_that_people_can_read(store):
    folder = install_grid(store).folder
    said = json.loads((folder / "model.json").read_text())
    assert said["model"]["preprocessing"]["resize"] == "squash"
    assert said["model"]["output"]["tensor"] == "means"
    assert set(said["files"]["grid.bin"]) == {"sha256", "size", "recorded"}


def test_installed_once_unless_it_is_to_be_replaced(store):
    install_grid(store)
    store.install("colour-grid", lambda _: pytest.fail("fetched again"))
    store.install("colour-grid", filled(b"new"), replace=True)
    assert (store.folder / "colour-grid" / "grid.xml").read_bytes() == b"new"
    assert not (store.folder / "colour-grid" / "grid.bin").exists()
    assert leftovers(store) == []


@pytest.mark.parametrize("failure", [ModelError("no"), KeyboardInterrupt(), OSError("the disk is full")])
def test_a_failure_half_way_changes_nothing(store, failure):
    def fill(folder: Path):
        (folder / "grid.xml").write_bytes(b"half")
        raise failure

    with pytest.raises(type(failure)):
        store.install("colour-grid", fill)
    assert store.find("colour-grid") is None
    assert leftovers(store) == []

    before = install_grid(store)
    with pytest.raises(type(failure)):
        store.install("colour-grid", fill, replace=True)
    before.check_files()
    assert leftovers(store) == []


@pytest.mark.parametrize("replace", [False, True])
def test_all_is_on_the_disk_before_the_old_one_is_gone(store, monkeypatch, replace):
    """What fsync was asked for, in order, and the renames between; a test cannot take the power away."""
    if replace:
        install_grid(store)
    fsync, rename, rmtree, done = os.fsync, Path.rename, shutil.rmtree, []

    def synced(descriptor):
        done.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def renamed(self, target):
        done.append(f"{self.name} -> {target.name}")
        return rename(self, target)

    def removed(folder, **options):
        done.append("scratch is removed")
        rmtree(folder, **options)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    monkeypatch.setattr(shutil, "rmtree", removed)
    folder = store.install("colour-grid", filled(b"new"), replace=replace).folder
    assert set(done[:3]) == {one.stat().st_ino for one in (folder / "grid.xml", folder / "model.json", folder)}
    old = ["colour-grid -> old"] if replace else []
    assert done[3:] == [*old, "new -> colour-grid", store.folder.stat().st_ino, "scratch is removed"]


def _die_half_way(folder: str) -> None:
    def fill(inside: Path):
        (inside / "grid.xml").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)

    ModelStore(Path(folder)).install("colour-grid", fill)


def test_a_kill_half_way_leaves_nothing_that_counts(store):
    child = multiprocessing.get_context("spawn").Process(target=_die_half_way, args=[str(store.folder)])
    child.start()
    child.join()
    assert child.exitcode < 0
    assert leftovers(store)
    assert store.names() == ()
    install_grid(store).check_files()
    assert leftovers(store) == []


def test_what_is_replaced_comes_back_where_the_new_one_does_not(store, monkeypatch):
    before = install_grid(store)
    rename = Path.rename

    def interrupted(self, target):
        if self.name == "new":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.install("colour-grid", filled(b"new"), replace=True)
    before.check_files()
    assert leftovers(store) == []


@pytest.mark.parametrize(
    "look",
    [
        lambda store: store.find("colour-grid"),
        ModelStore.names,
        lambda store: store.install("colour-grid", lambda _folder: pytest.fail("it is there")),
    ],
    ids=["find", "names", "install"],
)
def test_what_a_kill_between_two_renames_left_comes_back(store, look):
    before = install_grid(store)
    scratch = store.folder / ".colour-grid.scratch.killed"
    scratch.mkdir()
    before.folder.rename(scratch / "old")
    look(store)
    before.check_files()
    assert leftovers(store) == []


def test_what_a_kill_left_can_be_removed(store):
    scratch = store.folder / ".colour-grid.scratch.killed"
    folder = install_grid(store).folder
    scratch.mkdir()
    folder.rename(scratch / "old")
    store.remove("colour-grid")
    assert store.names() == ()
    assert leftovers(store) == []


def test_two_at_once_install_once(store):
    calls = []

    def fill(folder: Path):
        calls.append(folder)
        return filled(b"x" * 1000)(folder)

    threads = [threading.Thread(target=store.install, args=("colour-grid", fill)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    store.get("colour-grid").check_files()


def test_removed(store):
    install_grid(store)
    store.remove("colour-grid")
    assert store.names() == ()
    assert leftovers(store) == []
    with pytest.raises(NotFoundError, match="no model 'colour-grid'"):
        store.remove("colour-grid")


# --- what is not there


def test_a_model_of_the_catalogue_tells_the_command(store):
    with pytest.raises(ModelNotInstalledError) as caught:
        store.get("dinov2-small")
    assert str(caught.value) == (
        f"The model 'dinov2-small' is not installed in {store.folder}. "
        "Fetch it: search-by-image models pull dinov2-small"
    )


def test_another_name_tells_how_to_add_one(store):
    with pytest.raises(ModelNotInstalledError, match="search-by-image models add NAME --file FILE"):
        store.get("resnet-50")


@pytest.mark.parametrize("name", ["", "..", ".", "../x", "a/b", "A", "-a", "a" * 65, "ä", "a b", "a\n"])
def test_names_that_are_none(store, name):
    for call in (store.find, store.remove, lambda name: store.install(name, filled(b""))):
        with pytest.raises(InvalidInputError, match="is no name of a model"):
            call(name)


def test_the_default_came_with_the_installation(store):
    found = store.get("efficientnet-lite0")
    found.check_files()
    assert found.manifest.fetched is None
    assert store.names() == ()


# --- damage


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_damaged_files_are_noticed(store, damage):
    made = install_grid(store)
    file = made.folder / "grid.bin"
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(ModelError, match=r"grid\.bin.*models add colour-grid --file FILE --force"):
        store.get("colour-grid").check_files()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "does not describe a model"),
        (b"{}", "model: Field required"),
        (b'{"version": 2}', "does not describe a model"),
        (b"", "does not describe a model"),
    ],
)
def test_a_damaged_manifest_is_told(store, content, said):
    file = install_grid(store).folder / "model.json"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=f"(?s){said}.*--force"):
        store.get("colour-grid")


def test_a_manifest_of_a_later_version(store):
    file = install_grid(store).folder / "model.json"
    file.write_text(file.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(ModelError, match="is of version 2, this program knows up to 1"):
        store.get("colour-grid")

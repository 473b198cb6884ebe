"""Spans for OpenTelemetry: a request, its stages and calls of the stores, in one trace; sent by OTLP."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from asking import ask
from cheap_library import picture
from search_by_image.api.app import create_app
from search_by_image.api.exchange import current_exchange
from search_by_image.api.otel import OtelSpans
from search_by_image.api.spans import NoSpans
from search_by_image.errors import ConfigError, MissingDependencyError
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.keys import Keys, Scope
from search_by_image.settings import load_settings
from search_by_image.telemetry import open_spans

SEARCH = "/api/SearchServer/SearchByUpload"
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def exported():
    return InMemorySpanExporter()


@pytest.fixture
def app(engine, exported):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exported))
    with UrlFetcher(FetchSettings()) as fetcher:
        yield create_app(engine, fetcher, spans=OtelSpans(provider.get_tracer("test")))
    provider.shutdown()


def search(app, pipeline="Thumb", **headers):
    form = {"pipeline": pipeline}
    return ask(app, "POST", SEARCH, data=form, files={"file": ("cat.png", picture(1))}, headers=headers)


def request_span(exported):
    (span,) = [span for span in exported.get_finished_spans() if span.kind is SpanKind.SERVER]
    return span


def test_a_request_its_stages_and_calls_of_the_stores_are_one_trace(app, engine, exported):
    engine.image_to_search_db(picture(1), {}, "Thumb")
    engine.library.extractor.forget()
    search(app)
    spans = exported.get_finished_spans()
    top = request_span(exported)
    assert top.name == f"POST {SEARCH}"
    assert {span.context.trace_id for span in spans} == {top.context.trace_id}
    by_id = {span.context.span_id: span for span in spans}
    above = {(span.name, by_id[span.parent.span_id].name) for span in spans if span.parent}
    for stage in ("queue", "inference", "vectors search", "records get"):
        assert (stage, top.name) in above
    assert ("decode", "inference") in above
    assert all(span.start_time >= top.start_time and span.end_time <= top.end_time for span in spans)


def test_what_the_span_of_a_request_tells(app, engine, exported):
    text, _ = Keys(engine.library.ledger).create("shop window", Scope.READ)
    answer = search(app, "Nowhere", **{"X-API-Key": text})
    assert dict(request_span(exported).attributes) == {
        "http.request.method": "POST",
        "http.route": SEARCH,
        "http.response.status_code": 200,
        "search_by_image.request_id": answer.headers["x-request-id"],
        "search_by_image.outcome": "20005",
        "search_by_image.key": "shop window",
    }
    assert text not in str([(span.name, span.attributes, span.events) for span in exported.get_finished_spans()])


def test_what_breaks_is_an_error_without_its_text(app, engine, exported, monkeypatch):
    def fail():
        raise RuntimeError("secret")

    monkeypatch.setattr(engine.library, "collections", fail)
    assert ask(app, "GET", "/v1/info").status_code == 500
    span = request_span(exported)
    assert span.status.status_code is StatusCode.ERROR
    assert "secret" not in span.to_json()


def test_a_store_that_fails_is_an_error_of_its_span(app, engine, exported, monkeypatch):
    engine.image_to_search_db(picture(1), {}, "Thumb")
    engine.library._index.close()
    search(app)
    (failed,) = [span for span in exported.get_finished_spans() if span.name == "vectors search"]
    assert failed.status.status_code is StatusCode.ERROR


def test_the_callers_trace_goes_on(app, exported):
    ask(app, "GET", "/healthz", headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    span = request_span(exported)
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"


@pytest.mark.parametrize("given", ["", "00-x-y-01", f"00-{'0' * 32}-{'0' * 16}-01", "é"])
def test_a_broken_traceparent_is_none(app, exported, given):
    ask(app, "GET", "/healthz", headers=[(b"traceparent", given.encode("latin-1"))])
    assert request_span(exported).parent is None


def test_the_log_has_the_trace(app, engine, monkeypatch):
    seen = []
    monkeypatch.setattr(engine.library, "collections", lambda: seen.append(current_exchange().trace_id) or ())
    ask(app, "GET", "/v1/info", headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    assert set(seen) == {TRACE}


# sending them


def settings(endpoint=""):
    return load_settings(environ={"SEARCH_BY_IMAGE__TRACES__OTLP_ENDPOINT": endpoint})


def traced(engine, spans):
    with UrlFetcher(FetchSettings()) as fetcher:
        return ask(create_app(engine, fetcher, spans=spans), "GET", "/v1/info")


class Collector(ThreadingHTTPServer):
    """Keeps what is posted to it."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Post)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.paths, self.spans, self.services = set(), [], set()

    def keep(self, path, body):
        self.paths.add(path)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.services.add(named["service.name"])
            self.spans += [span.name for scope in resource.scope_spans for span in scope.spans]


class Post(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.keep(self.path, self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def collector(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("end", ["", "/"])
def test_spans_are_sent_to_the_collector_of_the_settings(engine, collector, end):
    with open_spans(settings(collector.url + end)) as spans:
        assert traced(engine, spans).status_code == 200
    assert collector.paths == {"/v1/traces"}
    assert "GET /v1/info" in collector.spans
    assert collector.services == {"search-by-image"}


def test_or_of_the_environment(engine, collector, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "pictures")
    with open_spans(settings()) as spans:
        traced(engine, spans)
    assert "GET /v1/info" in collector.spans
    assert collector.paths == {"/v1/traces"}
    assert collector.services == {"pictures"}


def test_nobody_is_told_unless_it_is_asked_for(engine):
    with open_spans(settings(), environ={}) as spans:
        assert isinstance(spans, NoSpans)
        assert traced(engine, spans).status_code == 200


def test_without_the_extra_the_remedy_is_told(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("opentelemetry.sdk")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    remedy = r"pip install 'search-by-image\[otel\]'"
    with pytest.raises(MissingDependencyError, match=remedy), open_spans(settings("http://127.0.0.1:4318")):
        pass


@pytest.mark.parametrize(
    "endpoint", ["127.0.0.1:4318", "grpc://127.0.0.1", "http://", "http://me:pw@host", "http://a b"]
)
def test_what_is_no_endpoint(endpoint):
    with pytest.raises(ConfigError, match="traces/otlp_endpoint"):
        settings(endpoint)

"""`/metrics`: what is counted, what is read, and that no caller's text becomes a label."""

import threading

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from asking import ask
from cheap_library import picture
from job_service import NDJSON, counts, job_service, ndjson, web_server
from raw_servers import sized
from search_by_image.api.app import AppOptions, create_app
from search_by_image.errors import InvalidInputError, ModelError, StoreUnavailableError
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.keys import Keys, Scope
from search_by_image.records.base import Match

CALLS = "/api/SearchServer"


@pytest.fixture
def app(engine):
    with UrlFetcher(FetchSettings(allow_private=True, allowed_ports=())) as fetcher:
        yield create_app(engine, fetcher, AppOptions(count_seconds=0.001))


def read(app, **headers):
    answer = ask(app, "GET", "/metrics", headers=headers)
    assert answer.status_code == 200
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(app, name, **labels):
    return read(app).get((f"search_by_image_{name}", *sorted(labels.items())))


def upload(app, name, **form):
    return ask(app, "POST", f"{CALLS}/{name}", data=form, files={"file": ("1.png", picture(1))})


def test_requests_by_route_method_status_and_code(app):
    upload(app, "SearchByUpload", pipeline="Thumb")
    upload(app, "SearchByUpload", pipeline="Thumb")
    upload(app, "SearchByUpload", pipeline="Nowhere")
    ask(app, "GET", "/nowhere/secret-path")
    ask(app, "BREW", "/healthz")
    route = f"{CALLS}/SearchByUpload"
    assert value(app, "requests_total", route=route, method="POST", status="200", code="") == 2
    assert value(app, "requests_total", route=route, method="POST", status="200", code="20005") == 1
    assert value(app, "requests_total", route="unmatched", method="GET", status="404", code="not_found") == 1
    assert value(app, "requests_total", route="/healthz", method="other", status="405", code="method_not_allowed") == 1
    assert value(app, "request_seconds_count", route=route, method="POST") == 3
    assert value(app, "request_seconds_bucket", route=route, method="POST", le="+Inf") == 3
    assert "secret" not in ask(app, "GET", "/metrics").text


def test_every_route_of_the_description_has_its_template(app):
    for path, methods in ask(app, "GET", "/openapi.json").json()["paths"].items():
        for method in methods:
            ask(app, method.upper(), path.replace("{", "").replace("}", ""))
            told = [key for key in read(app) if key[0].endswith("_count") and ("route", path) in key]
            assert [dict(key[1:])["method"] for key in told if dict(key[1:])["method"] == method.upper()]


def test_refused_requests_have_the_template_of_where_they_went(app, engine):
    Keys(engine.library.ledger).create("first", Scope.READ)
    assert ask(app, "GET", "/v1/collections/shop/images/secret").status_code == 401
    told = {"route": "/v1/collections/{collection}/images/{id}", "method": "GET", "status": "401"}
    assert value(app, "requests_total", **told, code="unauthenticated") == 1


def test_the_stages_of_requests(app, serve):
    server = serve(sized(picture(2)))
    body = {"url": f"http://127.0.0.1:{server.port}/", "pipeline": "Thumb", "image_doc": {}}
    assert ask(app, "POST", f"{CALLS}/ImportByUrl", json=body).json()["status"] == "00000"
    for stage in ("fetch", "decode", "queue", "inference", "vectors", "records"):
        assert value(app, "stage_seconds_count", stage=stage) == 1, stage
        assert value(app, "stage_seconds_sum", stage=stage) >= 0


def test_images_and_what_is_unsettled(app, engine):
    engine.image_to_search_db(picture(1), {}, "Thumb", "shop")
    engine.image_to_search_db(picture(2), {}, "Thumb", "shop")
    assert value(app, "images", collection="images") == 0
    assert value(app, "images", collection="shop") == 2
    assert value(app, "records_unsettled", state="pending") == 2
    engine.library.maintain()
    assert value(app, "records_unsettled", state="pending") == 0


def test_counts_hold_for_a_while_and_outlive_an_outage(engine, monkeypatch):
    counted = []
    count = engine.library.count
    monkeypatch.setattr(engine.library, "count", lambda match: counted.append(match) or count(match))
    with UrlFetcher(FetchSettings()) as fetcher:
        app = create_app(engine, fetcher, AppOptions(count_seconds=3600))
        for _ in range(3):
            assert value(app, "images", collection="images") == 0
        assert len(counted) == 1
        app = create_app(engine, fetcher, AppOptions(count_seconds=0.001))
        assert value(app, "images", collection="images") == 0

        def fail():
            raise StoreUnavailableError("down")

        monkeypatch.setattr(engine.library, "collections", fail)
        assert value(app, "images", collection="images") == 0


def test_imports(app, engine):
    upload(app, "ImportByUpload", pipeline="Thumb", image_doc="{}")
    body = {"file": "AAAA", "pipeline": "Thumb", "image_doc": {}}
    ask(app, "POST", f"{CALLS}/ImportByBase64", json=body)
    with pytest.raises(InvalidInputError):
        engine.image_to_search_db(picture(1), [], "Thumb")
    assert value(app, "images_added_total") == 1
    assert value(app, "images_removed_total") == 0
    assert value(app, "imports_failed_total", code="not_an_image") == 1
    assert value(app, "imports_failed_total", code="invalid_input") == 1
    engine.library.remove(Match())
    assert value(app, "images_removed_total") == 1


def test_jobs_by_state_and_their_items_by_outcome(tmp_path, monkeypatch):
    with web_server() as web, job_service(tmp_path, at_once=1) as service:
        web.may_answer.clear()
        items = [{"id": str(n), "url": f"{web.url}/{n}.png"} for n in range(3)]
        ids = [service.start(ndjson(body), NDJSON).json()["id"] for body in ([*items, {}], items[:1], items[:1])]
        service.until(ids[0], lambda job: job["state"] == "running")
        assert [value(service.app, "jobs", state=state) for state in ("queued", "running")] == [2, 1]
        assert value(service.app, "job_items_total", outcome="created") == 0
        service.http.post(f"/v1/jobs/{ids[1]}:cancel")
        web.may_answer.set()
        for id_ in ids:
            service.ended(id_)
        items_now = {kind: value(service.app, "job_items_total", outcome=kind) for kind in counts()}
        assert items_now == counts(created=3, skipped=1, failed=1)
        ended = [value(service.app, "jobs_ended_total", state=state) for state in ("succeeded", "failed", "cancelled")]
        assert ended == [2, 0, 1]
        assert value(service.app, "jobs", state="queued") == value(service.app, "jobs", state="running") == 0

        def fail(*_, **__):
            raise StoreUnavailableError("down")

        monkeypatch.setattr(service.library.ledger, "list", fail)
        assert value(service.app, "jobs", state="running") == 0
        monkeypatch.undo()


def test_a_service_without_jobs_tells_of_none(app):
    assert not [key for key in read(app) if "job" in key[0]]


def test_what_waits_for_inference(app, engine):
    gate = engine.library.extractor.gate
    assert value(app, "inference_places") == gate.places == 4
    assert value(app, "inference_waiting_limit") == gate.queue == 64
    let_go, inside = threading.Event(), threading.Semaphore(0)

    def hold():
        with gate.enter():
            inside.release()
            let_go.wait(30)

    threads = [threading.Thread(target=hold) for _ in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        inside.acquire(timeout=30)
    while gate.waiting < 2:
        pass
    assert value(app, "inference_running") == 4
    assert value(app, "inference_waiting") == 2
    let_go.set()
    for thread in threads:
        thread.join()
    assert value(app, "inference_running") == value(app, "inference_waiting") == 0


def test_what_is_up(app, engine, monkeypatch):
    assert value(app, "store_up", store="records") == value(app, "store_up", store="vectors") == 1
    assert value(app, "model_up", pipeline="Thumb") == value(app, "model_up", pipeline="Bright") == 1

    def fail(_pipeline):
        raise ModelError("gone")

    monkeypatch.setattr(engine.library.extractor, "check", fail)
    with UrlFetcher(FetchSettings()) as fetcher:
        assert value(create_app(engine, fetcher), "model_up", pipeline="Thumb") == 0


def test_the_process_and_the_version(app):
    samples = read(app)
    assert samples["process_resident_memory_bytes",] > 1e6
    (build,) = [key for key in samples if key[0] == "search_by_image_build_info"]
    assert dict(build[1:])["version"]


def test_openmetrics_for_those_who_accept_it(app):
    answer = ask(app, "GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert {family.name for family in openmetrics(answer.text)} >= {
        "search_by_image_requests",
        "search_by_image_images",
    }


def test_each_application_counts_for_itself(engine):
    with UrlFetcher(FetchSettings()) as fetcher:
        first, second = create_app(engine, fetcher), create_app(engine, fetcher)
    ask(first, "GET", "/healthz")
    told = {"route": "/healthz", "method": "GET", "status": "200", "code": ""}
    assert value(first, "requests_total", **told) == 1
    assert value(second, "requests_total", **told) is None


ELSEWHERE = ("10.0.0.7", 4000)


@pytest.mark.parametrize("client", [ELSEWHERE, ("93.184.216.34", 1), ("::ffff:10.0.0.7", 1), ("fe80::1%eth0", 1)])
def test_other_machines_need_a_key_even_where_there_is_none(app, client):
    answer = ask(app, "GET", "/metrics", client=client)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
def test_so_do_those_behind_a_proxy_on_this_machine(app, header):
    assert ask(app, "GET", "/metrics", headers={header: "127.0.0.1"}).status_code == 403


@pytest.mark.parametrize("client", [("127.0.0.1", 1), ("127.9.9.9", 1), ("::1", 1)])
def test_this_machine_needs_none(app, engine, client):
    assert ask(app, "GET", "/metrics", client=client).status_code == 200
    Keys(engine.library.ledger).create("first", Scope.READ)
    assert ask(app, "GET", "/metrics", client=client).status_code == 200


def test_with_a_key_from_anywhere(app, engine):
    keys = Keys(engine.library.ledger)

    def status(**options):
        text, _ = keys.create("prometheus", **options)
        return ask(app, "GET", "/metrics", client=ELSEWHERE, headers={"Authorization": f"Bearer {text}"}).status_code

    assert status(scope=Scope.READ) == status(scope=Scope.ADMIN) == 200
    assert status(scope=Scope.READ, collections=("shop",)) == 403
    assert ask(app, "GET", "/metrics", client=ELSEWHERE).status_code == 401

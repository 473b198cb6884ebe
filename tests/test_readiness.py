"""`/readyz` asks the stores and the models, and asks them seldom."""

import threading
import time

import numpy as np
import openvino as ov
import pytest

from asking import ask
from search_by_image.api.app import create_app
from search_by_image.api.readiness import Readiness
from search_by_image.errors import ModelError, StoreUnavailableError
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.models.runtime import CompiledModel, RuntimeSettings
from search_by_image.plugins import Host
from search_by_image.processors.efficientnet_lite0 import EfficientNetLite0


@pytest.fixture
def app(engine):
    with UrlFetcher(FetchSettings()) as fetcher:
        yield create_app(engine, fetcher)


def failing(error):
    def fail(*_):
        raise error

    return fail


def test_ready(app):
    answer = ask(app, "GET", "/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize("store", ["records", "vectors"])
def test_a_store_that_is_down(engine, monkeypatch, store):
    target = {"records": engine.library._records, "vectors": engine.library._index}[store]
    monkeypatch.setattr(target, "ping", failing(StoreUnavailableError("The store does not answer.")))
    with UrlFetcher(FetchSettings()) as fetcher:
        answer = ask(create_app(engine, fetcher), "GET", "/readyz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "store_unavailable"
    assert problem["checks"] == {"records": "ok", "vectors": "ok", "model Thumb": "ok", "model Bright": "ok"} | {
        store: "store_unavailable"
    }


def test_a_model_that_does_not_answer(engine, monkeypatch):
    (node,) = engine.library.pipelines["Thumb"].nodes
    monkeypatch.setattr(node.typed, "check", failing(ModelError("The model does not answer.")), raising=False)
    with UrlFetcher(FetchSettings()) as fetcher:
        answer = ask(create_app(engine, fetcher), "GET", "/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "model_error")
    assert answer.json()["checks"]["model Thumb"] == "model_error"


def test_a_check_runs_once_however_many_ask():
    began = []

    def slow():
        began.append(1)
        time.sleep(0.1)

    readiness = Readiness({"slow": slow}, seconds=60)
    threads = [threading.Thread(target=readiness.outcomes) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert readiness.outcomes() == {"slow": None}
    assert len(began) == 1


def test_an_answer_does_not_hold_for_ever():
    outcomes = iter([StoreUnavailableError("down"), None])

    def check():
        error = next(outcomes)
        if error:
            raise error

    readiness = Readiness({"store": check}, seconds=0)
    assert readiness.outcomes()["store"].code == "store_unavailable"
    assert readiness.outcomes() == {"store": None}


def test_a_model_is_asked_unless_it_has_just_answered(monkeypatch):
    given = ov.opset13.parameter([1, 4, 5, 3], np.uint8)
    graph = ov.opset13.convert(given, np.float32)
    graph.output(0).set_names({"out"})
    model = CompiledModel(ov.Model([ov.opset13.result(graph)], [given]), RuntimeSettings(threads=1))
    asked = []
    infer = model.infer_batched
    monkeypatch.setattr(model, "infer_batched", lambda pixels: asked.append(pixels.shape) or infer(pixels))
    model.check()
    model.check()
    assert asked == [(4, 5, 3)]
    model._answered -= 60
    model.check()
    assert len(asked) == 2
    model._answered -= 60
    monkeypatch.setattr(model, "infer_batched", failing(ModelError("gone")))
    with pytest.raises(ModelError):
        model.check()


@pytest.mark.slow
def test_the_default_model_answers():
    processor = EfficientNetLite0({}, Host())
    processor.check()
    assert processor._model._answered > 0

"""A short run of `make fuzz`: calls made up from the API's own description, each answer held against it."""

import json

import pytest

from asking import ask
from fuzz.calls import PLACES, fuzz
from fuzz.service import in_process
from search_by_image.api import contract_models
from search_by_image.api.v1 import job_schemas, schemas
from search_by_image.api.v1.examples import EXAMPLES
from search_by_image.api.v1.problems import operations_of
from search_by_image.jobs import items


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("place", "least"), [("in-process", 1000), ("running", 100)])
def test_every_answer_is_as_described(place, least, tmp_path):
    with PLACES[place](tmp_path) as service:
        outcome = fuzz(service, examples=2, seed=1, edges=place == "in-process")
    assert outcome.errors == []
    assert outcome.failures == {}
    assert outcome.cases > least
    assert outcome.statuses.keys() > {200, 401, 404, 422}
    assert not [status for status in outcome.statuses if status >= 500 or status == 0]


@pytest.fixture(scope="module")
def description(tmp_path_factory):
    with in_process(tmp_path_factory.mktemp("service")) as service:
        yield json.loads(json.dumps(service.app.openapi()))


def test_every_operation_is_described_with_examples(description):
    names = []
    for path, method, operation in operations_of(description):
        names.append(operation["operationId"])
        assert operation["summary"]
        assert operation["description"].endswith(".")
        for parameter in operation.get("parameters", ()):
            assert has_example(parameter, description), (path, method, parameter["name"])
        for content in operation.get("requestBody", {"content": {}})["content"].values():
            assert has_example(content, description), (path, method)
        for status, answer in operation["responses"].items():
            for kind, content in answer.get("content", {}).items():
                if (kind.endswith("json") and status != "200") or path.startswith("/v1"):
                    assert has_example(content, description), (path, method, status)
    assert len(names) == len(set(names)) > 20


def test_every_operation_tells_the_headers_of_requests_and_answers(description):
    for path, method, operation in operations_of(description):
        taken = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "header"}
        assert "X-Request-Id" in taken, (path, method)
        for status, answer in operation["responses"].items():
            assert answer["headers"]["X-Request-Id"]["required"], (path, method, status)
            assert ("Retry-After" in answer["headers"]) == (status in ("429", "503"))
    found = description["paths"]["/v1/collections/{collection}/search"]["post"]["responses"]["200"]["headers"]
    assert found.keys() == {"X-Request-Id", "RateLimit", "RateLimit-Policy", "Server-Timing"}


def has_example(described, description):
    schema = described.get("schema", {})
    if "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if {"example", "examples"} & (described.keys() | schema.keys()) or {"default", "enum"} & schema.keys():
        return True
    properties = schema.get("properties", {})
    return bool(properties) and any(has_example(one, description) for one in properties.values())


@pytest.mark.parametrize("name", sorted(name for name in EXAMPLES if not name.startswith("Body_")))
def test_examples_are_what_they_are_examples_of(name):
    model = next(getattr(room, name) for room in (schemas, job_schemas, contract_models, items) if hasattr(room, name))
    for example in EXAMPLES[name]:
        assert model.model_validate(example).model_dump(mode="json", exclude_unset=True)


def test_an_address_tells_all_the_methods_that_it_takes(tmp_path):
    with in_process(tmp_path) as service:
        for path, allowed in (
            ("/v1/collections/pets/images/a/b", "DELETE, GET, HEAD, PATCH, PUT"),
            ("/v1/collections/pets", "DELETE, GET, PUT"),
            ("/v1/search", "POST"),
            ("/healthz", "GET"),
        ):
            answer = ask(service.app, "OPTIONS", path, headers={"Authorization": f"Bearer {service.key}"})
            assert (answer.status_code, answer.headers["allow"]) == (405, allowed)

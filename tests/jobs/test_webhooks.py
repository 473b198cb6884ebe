"""The end of a job told to an address: signed so that receivers can check it, tried again until it is heard."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from cheap_library import picture
from job_service import NDJSON, ZIP, job_service, ndjson, web_server, zipped
from search_by_image.errors import InvalidInputError
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.jobs.webhooks import check_secret, new_secret

ONE = zipped({"a.png": picture(1)})


@pytest.fixture
def web():
    with web_server() as web:
        yield web


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with job_service(tmp_path_factory.mktemp("webhooks"), webhook_attempts=4) as service:
        yield service


def told(service, job_id):
    return service.until(job_id, lambda job: job["webhook"]["state"] != "waiting")


def started_with(service, web, **options):
    answer = service.start(ONE, ZIP, webhook=f"{web.url}/hook?token=t", **options)
    assert answer.status_code == 202, answer.text
    return answer.json()


def test_the_end_is_told_once_with_a_signature_that_receivers_check(service, web):
    started = started_with(service, web)
    secret = started["webhook"]["secret"]
    job = told(service, started["id"])
    assert job["webhook"] == {"host": "127.0.0.1", "state": "delivered", "attempts": 1, "error": None}
    ((path, headers, body),) = web.posted
    assert path == "/hook?token=t"
    message = Webhook(secret).verify(body, headers)
    assert message["type"] == "import.finished"
    assert message["data"]["id"] == started["id"] == {k.lower(): v for k, v in headers.items()}["webhook-id"]
    assert message["data"]["state"] == "succeeded"
    assert message["data"]["counts"] == job["counts"]
    assert secret not in body.decode() + json.dumps(job)
    assert service.library.ledger.get("job", started["id"]).body["webhook"]["secret"] == ""


def test_what_was_changed_signed_otherwise_or_long_ago_is_found_out(service, web):
    started = started_with(service, web)
    told(service, started["id"])
    ((_, headers, body),) = web.posted
    signer = Webhook(started["webhook"]["secret"])
    with pytest.raises(WebhookVerificationError):
        signer.verify(body.replace(b"succeeded", b"cancelled"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)
    for key in headers:
        if key.lower() == "webhook-timestamp":
            with pytest.raises(WebhookVerificationError):
                signer.verify(body, headers | {key: str(int(headers[key]) + 1)})
    old = datetime.now(UTC) - timedelta(minutes=6)
    replayed = {
        "webhook-id": "1",
        "webhook-timestamp": str(int(old.timestamp())),
        "webhook-signature": signer.sign("1", old, body.decode()),
    }
    with pytest.raises(WebhookVerificationError, match="too old"):
        signer.verify(body, replayed)


def test_a_receiver_that_fails_first_is_asked_again_under_the_same_id(service, web):
    web.statuses += [500, 302]
    started = started_with(service, web)
    job = told(service, started["id"])
    assert (job["webhook"]["state"], job["webhook"]["attempts"]) == ("delivered", 3)
    ids = {headers.get("webhook-id") or headers.get("Webhook-Id") for _, headers, _ in web.posted}
    assert (len(web.posted), ids) == (3, {started["id"]})
    for _, headers, body in web.posted:
        Webhook(started["webhook"]["secret"]).verify(body, headers)


def test_in_the_end_it_is_given_up(service, web):
    web.statuses += [500] * 9
    job = told(service, started_with(service, web)["id"])
    assert (job["state"], job["webhook"]["state"], job["webhook"]["attempts"]) == ("succeeded", "given_up", 4)
    assert "500" in job["webhook"]["error"]["message"]
    assert len(web.posted) == 4


def test_a_receiver_that_is_gone_is_not_asked_again(service, web):
    web.statuses += [410]
    job = told(service, started_with(service, web)["id"])
    assert (job["webhook"]["state"], job["webhook"]["attempts"]) == ("given_up", 1)


def test_a_secret_of_the_callers_own(service, web):
    secret = new_secret()
    started = started_with(service, web, headers={"X-Webhook-Secret": secret})
    assert started["webhook"]["secret"] == secret
    told(service, started["id"])
    Webhook(secret).verify(web.posted[0][2], web.posted[0][1])


def test_a_cancelled_job_is_told_of_too(service, web):
    web.may_answer.clear()
    items = ndjson({"url": f"{web.url}/{n}.png"} for n in range(9))
    job_id = service.start(items, NDJSON, webhook=f"{web.url}/hook").json()["id"]
    service.http.post(f"/v1/jobs/{job_id}:cancel")
    web.may_answer.set()
    assert told(service, job_id)["webhook"]["state"] == "delivered"
    assert json.loads(web.posted[0][2])["data"]["state"] == "cancelled"


@pytest.mark.parametrize("page", ["imports.md", "imports.zh-CN.md"])
def test_the_receiver_of_the_documents_works(service, web, page):
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "def receive" in block]
    names = {}
    exec(compile(code, page, "exec"), names)
    started = started_with(service, web)
    told(service, started["id"])
    ((_, headers, body),), secret, seen = web.posted, started["webhook"]["secret"], set()
    assert names["receive"](body, headers, secret, seen)["data"]["id"] == started["id"]
    assert names["receive"](body, headers, secret, seen) is None
    with pytest.raises(WebhookVerificationError):
        names["receive"](body, headers, new_secret(), set())


@pytest.mark.parametrize(
    "secret",
    [
        "x",
        "whsec_",
        "whsec_short",
        "whsec_" + "A" * 31,
        "whsec_" + "A" * 92,
        "A" * 44,
        "whsec_" + "é" * 40,
        "whsec_!" * 9,
    ],
)
def test_what_is_no_secret(secret):
    with pytest.raises(InvalidInputError, match="whsec_"):
        check_secret(secret)


@pytest.mark.parametrize("length", [32, 64, 84])
def test_what_is_a_secret(length):
    assert check_secret("whsec_" + "A" * length)
    assert check_secret(new_secret())


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/hook", "http://[::1]/", "http://0x7f.1/", "ftp://a.example", "https://u:p@a.example"]
)
def test_an_address_that_may_not_be_called_is_refused_before_the_upload(url):
    with UrlFetcher(FetchSettings()) as fetcher, pytest.raises(InvalidInputError):
        fetcher.check(url)


def test_a_name_that_leads_to_a_private_address_is_refused_when_it_is_called():
    settings = FetchSettings(allowed_ports=())
    with UrlFetcher(settings, resolve=lambda _: ["127.0.0.1"]) as fetcher:
        fetcher.check("http://rebinding.example/hook")
        with pytest.raises(InvalidInputError, match="not public"):
            fetcher.post("http://rebinding.example/hook", b"{}", {})

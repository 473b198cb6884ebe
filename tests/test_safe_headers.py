"""What browsers are told about every answer."""

import re

import pytest

from asking import ask
from search_by_image.api.app import AppOptions, create_app
from search_by_image.api.page_routes import PAGE
from search_by_image.demo.routes import add_demo_routes
from search_by_image.fetch import FetchSettings, UrlFetcher

SHOP = "https://shop.example.com"
OLD = "/api/SearchServer/GetImageDoc"


@pytest.fixture
def app_of(engine):
    with UrlFetcher(FetchSettings()) as fetcher:
        yield lambda **options: create_app(engine, fetcher, AppOptions(**options))


def policy_of(answer):
    parts = (part.strip().split() for part in answer.headers["content-security-policy"].split(";"))
    return {name: set(values) for name, *values in parts}


def assert_safe(answer):
    headers = answer.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert len(headers.get_list("content-security-policy")) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/info", 200),
        ("GET", "/healthz", 200),
        ("POST", OLD, 200),
        ("POST", "/v1/info", 405),
        ("GET", "/nowhere", 404),
        ("GET", "/openapi.json", 200),
        ("DELETE", "/static/app.js", 405),
    ],
)
def test_data_loads_nothing_and_stands_in_no_frame(app_of, method, path, status):
    answer = ask(app_of(), method, path, json={})
    assert answer.status_code == status
    assert_safe(answer)
    if "json" in answer.headers["content-type"]:
        assert policy_of(answer) == {"default-src": {"'none'"}, "frame-ancestors": {"'none'"}}


def test_refusals_have_the_headers_too(app_of):
    for app, headers, status in (
        (app_of(anonymous=False), {}, 401),
        (app_of(allowed_hosts=("localhost",)), {"Host": "evil.example"}, 403),
        (app_of(requests=0), {}, 503),
    ):
        answer = ask(app, "GET", "/v1/info", headers=headers)
        assert answer.status_code == status
        assert_safe(answer)


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/static/app.js", "/docs/swagger/swagger-ui-bundle.js", "/demo/credits"]
)
def test_the_page_loads_scripts_and_styles_of_its_own_only_and_pictures_from_anywhere(app_of, tmp_path, path):
    app = app_of()
    add_demo_routes(app, tmp_path, PAGE / "favicon.svg")
    answer = ask(app, "GET", path)
    assert answer.status_code == 200
    assert_safe(answer)
    policy = policy_of(answer)
    assert policy.pop("img-src") == {"'self'", "http:", "https:", "data:", "blob:"}
    own = {"script-src", "style-src", "connect-src"}
    assert {name for name, values in policy.items() if values == {"'self'"}} == own
    closed = {"default-src", "base-uri", "form-action", "frame-ancestors"}
    assert {name for name, values in policy.items() if values == {"'none'"}} == closed


@pytest.mark.parametrize("page", sorted(PAGE.glob("*.html")), ids=lambda page: page.name)
def test_our_pages_have_nothing_inline(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert all(" src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text)


def test_a_page_of_the_users_own_says_itself_what_it_loads(app_of, tmp_path):
    (tmp_path / "index.html").write_text("<script>1</script>")
    answer = ask(app_of(static_path=tmp_path), "GET", "/")
    assert_safe(answer)
    assert policy_of(answer) == {"frame-ancestors": {"'self'"}}


def test_other_origins_that_may_call_may_read(app_of):
    answer = ask(app_of(cors_origins=(SHOP,)), "GET", "/v1/info", headers={"Origin": SHOP})
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert {"RateLimit", "Retry-After"} <= set(answer.headers["access-control-expose-headers"].split(", "))

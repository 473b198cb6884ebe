"""Pages of other sites, in the browser of someone who can reach the service, can neither change nor read anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asking import OWN, ask
from cheap_library import picture
from search_by_image.api.app import AppOptions, create_app
from search_by_image.api.guard import host_of, is_loopback
from search_by_image.assembly import open_engine, open_fetcher
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.server import open_app
from search_by_image.settings import load_settings

LISTING = "/api/SearchServer/GetImageDoc"
IMPORT = "/api/SearchServer/ImportByUpload"
SHOP = "https://shop.example.com"
EVIL = "https://evil.example"


@pytest.fixture
def app_of(engine):
    with UrlFetcher(FetchSettings()) as fetcher:
        yield lambda **options: create_app(engine, fetcher, AppOptions(**options))


def test_a_page_of_another_origin_imports_nothing(app_of, engine):
    form = {"pipeline": "Thumb", "image_doc": '{"id": "planted"}'}
    files = {"file": ("1.png", picture(1))}
    for origin in (EVIL, "null", "http://127.0.0.1:8003", "http://127.0.0.1", "http://[", ""):
        answer = ask(app_of(), "POST", IMPORT, data=form, files=files, headers={"Origin": origin})
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-request-id"]
        assert answer.json()["code"] == "origin_refused"
    assert "cors/allow_origins" in answer.json()["detail"]
    assert engine.library.count() == 0


@pytest.mark.parametrize(
    ("base_url", "headers"),
    [
        (OWN, {}),
        (OWN, {"Origin": OWN}),
        ("http://photos.example.com", {"Origin": "https://photos.example.com"}),
        ("http://Photos.Example.com:8080", {"Origin": "https://photos.example.com:8080"}),
        (OWN, {"Origin": SHOP}),
        (OWN, {"Origin": "https://photos.example.com", "Sec-Fetch-Site": "same-origin"}),
    ],
)
def test_its_own_page_programs_and_origins_that_are_named_may_call(app_of, base_url, headers):
    answer = ask(app_of(cors_origins=(SHOP,)), "POST", LISTING, base_url=base_url, json={}, headers=headers)
    assert answer.json()["status"] == "00000"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_the_browser_tells_its_own_page_from_others(app_of, site):
    headers = {"Origin": EVIL, "Sec-Fetch-Site": site}
    assert ask(app_of(), "POST", LISTING, json={}, headers=headers).status_code == 403


def test_every_origin_where_all_are_allowed(app_of):
    assert ask(app_of(cors_origins=("*",)), "POST", LISTING, json={}, headers={"Origin": EVIL}).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_the_modern_calls_are_guarded_too(app_of, method):
    assert ask(app_of(), method, "/v1/anything", headers={"Origin": EVIL}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/info"])
def test_reading_is_left_to_the_browsers_own_rules(app_of, path):
    assert ask(app_of(), "GET", path, headers={"Origin": EVIL}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/v1/info", LISTING])
def test_a_name_that_was_led_here_is_refused(app_of, path):
    app = app_of(allowed_hosts=("localhost", "Photos.example.com"))
    for host in ("evil.example", "evil.example:8002", "127.0.0.1.evil.example", "192.168.0.7", "[::2]:8002", ""):
        rebound = {"Host": host, "Origin": f"http://{host}"}
        answer = ask(app, "POST" if path == LISTING else "GET", path, headers=rebound)
        assert (answer.status_code, answer.json()["code"]) == (403, "host_refused"), host
    for host in ("localhost", "LOCALHOST:8002", "127.0.0.1:8002", "127.8.9.1", "[::1]:8002", "photos.example.com:443"):
        answer = ask(app, "GET", "/healthz", headers={"Host": host})
        assert answer.status_code == 200, host


def test_without_allowed_hosts_any_is_one(app_of):
    assert ask(app_of(), "GET", "/v1/info", headers={"Host": "anything.example"}).status_code == 200


@pytest.fixture
def status_of(tmp_path, monkeypatch):
    """The status of a request by a host's name to the service with these settings."""
    monkeypatch.chdir(tmp_path)

    def status(host, **settings):
        environ = {f"SEARCH_BY_IMAGE__{name}": value for name, value in settings.items()}
        loaded = load_settings(environ=environ)
        with open_engine(loaded, maintain=False) as engine, open_fetcher(loaded) as fetcher:
            return ask(open_app(loaded, engine, fetcher), "GET", "/v1/info", headers={"Host": host}).status_code

    return status


def test_the_service_knows_what_it_listens_on(status_of):
    assert status_of("evil.example") == 403
    assert status_of("localhost:8002") == 200
    assert status_of("evil.example", FLASK__HOST="localhost") == 403
    assert status_of("any.example", FLASK__HOST="0.0.0.0") == 401  # not by its host: there is no key
    assert status_of("any.example", FLASK__HOST="0.0.0.0", ACCESS__ALLOW_ANONYMOUS="true") == 200
    assert status_of("shop.example.com", CORS__ALLOW_ORIGINS=SHOP) == 200
    assert status_of("evil.example", CORS__ALLOW_ORIGINS=SHOP) == 403
    assert status_of("any.example", CORS__ALLOW_ORIGINS="*") == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.255.0.9", "::1", "::1%lo"])
def test_loopback(host):
    assert is_loopback(host)


@given(st.text(max_size=20))
def test_any_text_has_an_answer(text):
    assert not is_loopback(f"x{text}")
    assert isinstance(host_of(text), str)

"""`/v1/info` tells a client all that it must keep to."""

import pytest

from asking import ask
from cheap_library import picture
from search_by_image.api.app import AppOptions, create_app
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.images import ImageLimits, check


@pytest.fixture
def info_of(engine):
    def info(**options):
        with UrlFetcher(FetchSettings()) as fetcher:
            return ask(create_app(engine, fetcher, AppOptions(**options)), "GET", "/v1/info").json()

    return info


def test_what_there_is(info_of, engine):
    info = info_of()
    assert info["name"] == "search-by-image"
    assert info["features"] == ["collections", "contract", "images", "search"]
    assert info["default_collection"] == "images"
    assert info["pipelines"][0] == {
        "name": "Thumb",
        "dimension": 192,
        "metric": "COSINE",
        "processors": ["Thumbnail"],
        "fingerprint": engine.library.pipelines["Thumb"].fingerprint,
        "text": False,
    }
    assert check(picture(1), ImageLimits()).format in info["image_formats"]


def test_the_limits_are_those_in_force(info_of, engine):
    limits = info_of(page_size_max=7, document_bytes=100, filter_conditions=3)["limits"]
    pictures = engine.library.extractor.limits
    assert limits == {
        "max_upload_bytes": pictures.max_bytes,
        "max_body_bytes": pictures.max_bytes * 4 // 3 + 100 + 65_536,
        "max_pixels": pictures.max_pixels,
        "document_bytes": 100,
        "page_size_max": 7,
        "top_k": engine.library.options.top_k,
        "match_score": engine.library.options.match_score,
        "filter_conditions": 3,
        "search_pictures": 16,
    }


def test_a_limit_that_is_told_is_kept(engine):
    with UrlFetcher(FetchSettings()) as fetcher:
        app = create_app(engine, fetcher, AppOptions(document_bytes=100))
        size = ask(app, "GET", "/v1/info").json()["limits"]["max_body_bytes"]
        call = {
            "method": "POST",
            "path": "/api/SearchServer/GetImageDoc",
            "headers": {"Content-Type": "application/json"},
        }
        kept = ask(app, **call, content=b"{}".ljust(size))
        assert kept.json()["status"] == "00000"
        over = ask(app, **call, content=b"{}".ljust(size + 1))
        assert over.json()["status"] == "20003"

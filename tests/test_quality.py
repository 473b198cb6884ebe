"""On the demo library, leave one out: how many of the five nearest are of the photo's own kind."""

from collections import defaultdict
from statistics import mean

import pytest

from search_by_image.folder_import import picture_files
from search_by_image.records.base import Match

NEAREST = 5
BIRDS_IN_TURN = 6  # 919 of the 971 photos are birds


@pytest.fixture(scope="module")
def precision(demo, demo_engine):
    """Kind -> precision@5."""
    found = defaultdict(list)
    by_url = {stored.document.get("url"): stored for stored in demo_engine.library.page(Match(), limit=10_000)}
    assert len(by_url) > 960
    files = picture_files(demo.photos)
    birds = [file for file in files if file.parent.name == "bird"]
    for file in [*birds[::BIRDS_IN_TURN], *(file for file in files if file not in birds)]:
        own = by_url.get(f"/demo/photos/{file.relative_to(demo.photos).as_posix().replace(' ', '%20')}")
        if own is not None:
            hits = demo_engine.library.search(file.read_bytes(), demo.pipeline, top_k=NEAREST + 1)
            others = [hit for hit in hits if hit.id != own.id][:NEAREST]
            found[own.document["kind"]].append(mean(hit.document.get("kind") == own.document["kind"] for hit in others))
    return {kind: mean(shares) for kind, shares in found.items()}


@pytest.mark.slow
def test_the_nearest_are_of_the_same_kind(precision):
    print({kind: round(share, 3) for kind, share in precision.items()}, "mean", round(mean(precision.values()), 3))
    assert set(precision) == {"cat", "dog", "bird", "stop sign"}
    assert mean(precision.values()) >= 0.90

"""What all of these share."""

import pytest

from search_by_image.quality import costs


@pytest.fixture(scope="package", autouse=True)
def one_round():
    """Speeds are not asserted on: every picture is timed once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(costs, "LONG_ENOUGH", 0.0)
        yield

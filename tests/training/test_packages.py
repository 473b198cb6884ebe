"""What is said without PyTorch."""

import os
from importlib.util import find_spec

import pytest

from search_by_image.errors import MissingDependencyError
from search_by_image.training.packages import check_packages


def test_pytorch_is_here():
    """Without it the training is not tested."""
    if find_spec("torch") is None and not os.environ.get("CI"):
        pytest.skip("PyTorch is not installed: make test TORCH=torch tests the training, too")
    check_packages()


def test_a_package_that_is_missing():
    with pytest.raises(MissingDependencyError, match=r"Training needs.*'no-such-package'.*'search-by-image\[train\]'"):
        check_packages((("no_such_module", "no-such-package"),))

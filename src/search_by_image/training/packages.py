"""The packages of the extra `train`: asked for once, before anything here is imported."""

from collections.abc import Sequence
from importlib.util import find_spec

from search_by_image.errors import MissingDependencyError

EXTRA = "train"
NEEDED = (("torch", "torch"), ("pytorch_metric_learning", "pytorch-metric-learning"))


def check_packages(needed: Sequence[tuple[str, str]] = NEEDED) -> None:
    """`needed`: modules and their packages. Raises `MissingDependencyError` for the first that is missing."""
    for module, package in needed:
        if find_spec(module) is None:
            raise MissingDependencyError(package, extra=EXTRA, purpose="Training")

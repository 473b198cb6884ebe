"""The import path that callers of 2020 use."""

from search_by_image.engine import SearchEngine

__all__ = ["SearchEngine"]

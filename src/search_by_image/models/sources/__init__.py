"""Where a model's files are fetched from, one kind a file."""

from search_by_image.models.sources.base import Part, Source, Tools
from search_by_image.models.sources.file import Files
from search_by_image.models.sources.hub import Hub
from search_by_image.models.sources.package import Package
from search_by_image.models.sources.url import Url
from search_by_image.models.sources.wheel import Wheel

__all__ = ["Files", "Hub", "Package", "Part", "Source", "Tools", "Url", "Wheel"]

"""A picture's bytes from a URL or a Base64 text."""

from search_by_image.fetch.base64text import decode_base64
from search_by_image.fetch.download import UrlFetcher
from search_by_image.fetch.lookups import Resolver, system_resolver
from search_by_image.fetch.settings import FetchSettings
from search_by_image.fetch.target import without_secrets

__all__ = ["FetchSettings", "Resolver", "UrlFetcher", "decode_base64", "system_resolver", "without_secrets"]

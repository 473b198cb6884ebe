"""The demo: pictures to try the service with, in a library of their own.

`prepare_demo` fetches the photos and says where they and the library are; the `Demo` that it gives fills an engine and
adds its routes to an application.
"""

from search_by_image.demo.demo import Demo, demo_cache, prepare_demo
from search_by_image.demo.photos import fetch_photos, has_photos

__all__ = ["Demo", "demo_cache", "fetch_photos", "has_photos", "prepare_demo"]

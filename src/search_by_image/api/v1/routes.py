"""The modern calls, put together."""

from fastapi import APIRouter

from search_by_image.api.v1.collections import collection_routes
from search_by_image.api.v1.images import image_routes
from search_by_image.api.v1.searches import search_routes
from search_by_image.api.v1.service import Service


def v1_routes(service: Service) -> APIRouter:
    router = APIRouter()
    for part in (collection_routes, image_routes, search_routes):
        router.include_router(part(service))
    return router

"""What an address takes: each route of it knows its own method alone."""

from fastapi import Request
from starlette.routing import Match

from search_by_image.api.access import routes_of


def allowed_methods(request: Request) -> list[str]:
    """Of all routes at the request's path, in the order of the alphabet."""
    scope = request.scope
    at_path = (route for route in routes_of(scope["app"]) if route.matches(scope)[0] is not Match.NONE)
    return sorted({method for route in at_path for method in getattr(route, "methods", None) or ()})

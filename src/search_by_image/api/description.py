"""The service's description of itself: OpenAPI, and a page to read it and try calls, with nothing from other hosts."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Response
from starlette.responses import FileResponse

from search_by_image.api.callers import PUBLIC, Caller, requires
from search_by_image.api.page_routes import HEADERS, PAGE, PageFiles
from search_by_image.api.responses import SafeJSONResponse
from search_by_image.keys import Scope

SWAGGER_UI = Path(str(files("fastapi_offline"))) / "static"


def add_description(app: FastAPI) -> None:
    """`/openapi.json`, and Swagger UI over it at `/docs`."""

    @app.get("/openapi.json", include_in_schema=False)
    def openapi(_caller: Annotated[Caller, requires(Scope.READ)]) -> Response:
        return SafeJSONResponse(app.openapi())

    @app.get("/docs", include_in_schema=False, dependencies=[PUBLIC])
    async def docs() -> Response:
        return FileResponse(PAGE / "docs.html", headers=HEADERS)

    app.mount("/docs/page", PageFiles(directory=PAGE), "docs page")
    app.mount("/docs/swagger", PageFiles(directory=SWAGGER_UI), "docs swagger")

"""What the demo adds to the service: its photos and their credits. The service itself keeps no pictures."""

import os
from pathlib import Path, PurePosixPath

from fastapi import FastAPI, Response
from starlette.responses import FileResponse

from search_by_image.api.callers import PUBLIC
from search_by_image.api.page_routes import HEADERS, GuardedFiles
from search_by_image.demo.photos import PHOTOS_URL
from search_by_image.demo.sources import CREDITS_URL
from search_by_image.folder_import import SUFFIXES


class PictureFiles(GuardedFiles):
    """The pictures of a folder and no other file; links that lead out of it are not followed."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        if PurePosixPath(path).suffix.lower() not in SUFFIXES:
            return "", None
        return super().lookup_path(path)


def add_demo_routes(app: FastAPI, photos: Path, credit_file: Path | None) -> None:
    app.mount(PHOTOS_URL, PictureFiles(directory=photos), "demo photos")
    if credit_file is not None:

        @app.get(CREDITS_URL, include_in_schema=False, dependencies=[PUBLIC])
        async def credits_text() -> Response:
            return FileResponse(credit_file, media_type="text/plain; charset=utf-8", headers=HEADERS)

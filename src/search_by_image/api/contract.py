"""The eight calls of `/api/SearchServer` as old callers know them: always HTTP 200, the outcome in `status`."""

import json
import logging
import math
import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from search_by_image.api.callers import Caller, requires
from search_by_image.api.contract_codes import BAD_REQUEST, FAILED, NO_FILE, SUCCESS, code_of
from search_by_image.api.contract_models import (
    Answer,
    GetImageDoc,
    ImagesAnswer,
    ImportByBase64,
    ImportByUrl,
    RemoveImageDoc,
    SearchAnswer,
    SearchByBase64,
    SearchByUrl,
)
from search_by_image.api.exchange import note_outcome, told
from search_by_image.api.failure_log import log_failure
from search_by_image.api.responses import SafeJSONResponse
from search_by_image.engine import SearchEngine, match_of, stored_document
from search_by_image.errors import InvalidInputError, SearchByImageError
from search_by_image.fetch import UrlFetcher, decode_base64
from search_by_image.keys import Scope
from search_by_image.records.base import Match

logger = logging.getLogger(__name__)
ECHOED = re.compile(rb'"interface_seq_id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false)')
BROKEN = "The service failed; its log says more."
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

Upload = Annotated[UploadFile | None, File(description="The picture")]
Text = Annotated[str, Form()]
Reader = Annotated[Caller, requires(Scope.READ)]
Writer = Annotated[Caller, requires(Scope.WRITE)]


class NoFileError(InvalidInputError):
    """The call came without a picture."""


class ContractRoute(APIRoute):
    """Turns every failure into the contract's answer."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                return _failure(BAD_REQUEST, _explain(error), await _seq_of(request, error.body))
            except HTTPException as error:
                message = f"The request cannot be read: {error.detail}."
                return _failure(BAD_REQUEST, message, await _seq_of(request))
            except RecursionError:
                message = "The request cannot be read: its JSON is nested too deeply."
                return _failure(BAD_REQUEST, message, await _seq_of(request))
            except ClientDisconnect:
                raise
            except Exception:
                logger.exception("%s failed", request.url.path)
                return _failure(FAILED, BROKEN, await _seq_of(request))

        return answer


def contract_routes(engine: SearchEngine, fetcher: UrlFetcher, *, max_bytes: int, page_size_max: int) -> APIRouter:
    """`max_bytes`: of a picture; `page_size_max`: of a page that is asked for by its size."""
    router = APIRouter(prefix="/api/SearchServer", tags=["contract"], route_class=ContractRoute)
    _add_searches(router, engine, fetcher, max_bytes)
    _add_imports(router, engine, fetcher, max_bytes)
    _add_documents(router, engine, page_size_max)
    return router


def _add_searches(router: APIRouter, engine: SearchEngine, fetcher: UrlFetcher, max_bytes: int) -> None:
    def search(seq: Any, picture: Callable[[], bytes], place: tuple[str, str], caller: Caller) -> Response:
        return _answer(seq, lambda: {"match_images": engine.search(picture(), *place, admit=caller.check)})

    @router.post("/SearchByUpload", response_model=SearchAnswer)
    def search_by_upload(
        caller: Reader, file: Upload = None, pipeline: Text = "", collection: Text = "", interface_seq_id: Text = ""
    ) -> Response:
        """Find the pictures that look like the uploaded one."""
        return search(interface_seq_id, lambda: _uploaded(file), (pipeline, collection), caller)

    @router.post("/SearchByBase64", response_model=SearchAnswer)
    def search_by_base64(body: SearchByBase64, caller: Reader) -> Response:
        """Find the pictures that look like the one given in Base64."""
        place = (body.pipeline, body.collection)
        return search(body.interface_seq_id, lambda: _decoded(body.file, max_bytes), place, caller)

    @router.post("/SearchByUrl", response_model=SearchAnswer)
    def search_by_url(body: SearchByUrl, caller: Reader) -> Response:
        """Find the pictures that look like the one at the URL, which the service fetches."""
        place = (body.pipeline, body.collection)
        return search(body.interface_seq_id, lambda: _fetched(fetcher, body.url), place, caller)


def _add_imports(router: APIRouter, engine: SearchEngine, fetcher: UrlFetcher, max_bytes: int) -> None:
    def import_(
        seq: Any, picture: Callable[[], bytes], document: Callable[[], Any], to: tuple[str, str], caller: Caller
    ) -> Response:
        def run() -> dict[str, Any]:
            engine.image_to_search_db(picture(), document(), *to, admit=caller.check)
            return {}

        return _answer(seq, run)

    @router.post("/ImportByUpload", response_model=Answer)
    def import_by_upload(
        *,
        caller: Writer,
        file: Upload = None,
        image_doc: Text = "",
        pipeline: Text = "",
        collection: Text = "",
        interface_seq_id: Text = "",
    ) -> Response:
        """Import the uploaded picture with its document."""
        to = (pipeline, collection)
        return import_(interface_seq_id, lambda: _uploaded(file), lambda: _parsed(image_doc), to, caller)

    @router.post("/ImportByBase64", response_model=Answer)
    def import_by_base64(body: ImportByBase64, caller: Writer) -> Response:
        """Import the picture given in Base64 with its document."""
        to = (body.pipeline, body.collection)
        return import_(
            body.interface_seq_id, lambda: _decoded(body.file, max_bytes), lambda: body.image_doc, to, caller
        )

    @router.post("/ImportByUrl", response_model=Answer)
    def import_by_url(body: ImportByUrl, caller: Writer) -> Response:
        """Import the picture at the URL, which the service fetches, with its document."""
        to = (body.pipeline, body.collection)
        return import_(body.interface_seq_id, lambda: _fetched(fetcher, body.url), lambda: body.image_doc, to, caller)


def _add_documents(router: APIRouter, engine: SearchEngine, page_size_max: int) -> None:
    @router.post("/GetImageDoc", response_model=ImagesAnswer)
    def get_image_doc(body: GetImageDoc, caller: Reader) -> Response:
        """Pages of documents, those with a value in a field or all."""

        def run() -> dict[str, Any]:
            if body.page_size > page_size_max:
                raise InvalidInputError(f"page_size {body.page_size} is over {page_size_max} (limits/page_size_max).")
            page = (body.page_size, body.page_num)
            collection = _within(caller, body.collection)
            return {"images": engine.get_images(body.field_name, body.field_values, collection, *page)}

        return _answer(body.interface_seq_id, run)

    @router.post("/RemoveImageDoc", response_model=ImagesAnswer)
    def remove_image_doc(body: RemoveImageDoc, caller: Writer) -> Response:
        """Remove the pictures with a value in a field, and answer with their documents."""

        def run() -> dict[str, Any]:
            removed = engine.library.remove(_removal(body, _within(caller, body.collection)))
            return {"images": [stored_document(stored) for stored in removed]}

        return _answer(body.interface_seq_id, run)


def _within(caller: Caller, collection: str) -> str:
    """Where an empty collection means all, it means the one that the caller's key is limited to."""
    wanted = collection or caller.everywhere()
    if wanted:
        caller.check(wanted)
    return wanted


def _removal(body: RemoveImageDoc, collection: str) -> Match:
    if not body.field_name and not body.all:
        raise InvalidInputError('Nothing was removed: give field_name and field_values, or "all": true for everything.')
    return match_of(body.field_name, body.field_values, collection)


def _uploaded(file: UploadFile | None) -> bytes:
    if file is None or not (file.filename or file.size):
        raise NoFileError("No file was given.")
    return file.file.read()


def _decoded(text: str, max_bytes: int) -> bytes:
    if not text:
        raise NoFileError("No file was given.")
    return decode_base64(text, max_bytes)


def _fetched(fetcher: UrlFetcher, url: str) -> bytes:
    if not url:
        raise NoFileError("No url was given.")
    return fetcher.fetch(url)


def _parsed(image_doc: str) -> Any:
    try:
        return json.loads(image_doc)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"image_doc is not JSON: {error}.") from error


def _answer(seq: Any, run: Callable[[], dict[str, Any]]) -> Response:
    try:
        return SafeJSONResponse({"interface_seq_id": seq, "status": SUCCESS, "msg": "success", **run()})
    except NoFileError as error:
        return _failure(NO_FILE, str(error), seq)
    except SearchByImageError as error:
        log_failure(error)
        return _failure(code_of(error), told(error), seq)
    except Exception:
        logger.exception("a call failed")
        return _failure(FAILED, BROKEN, seq)


def _failure(status: str, message: str, seq: Any = "") -> Response:
    note_outcome(status)
    return SafeJSONResponse({"interface_seq_id": seq, "status": status, "msg": message})


def _explain(error: RequestValidationError) -> str:
    """The first mistakes, each with its place in the body."""
    places = (".".join(str(step) for step in found["loc"][1:]) or "body" for found in error.errors())
    return "; ".join(f"{place}: {found['msg']}" for place, found in zip(places, error.errors()[:5], strict=False))


async def _seq_of(request: Request, body: Any = None) -> Any:
    """What to echo when a body is not as it should be: what was read of it, else what its text seems to say."""
    is_read = isinstance(body, dict | FormData)
    seq = body.get("interface_seq_id", "") if is_read else _seq_in(await _bytes_of(request))
    if isinstance(seq, float) and not math.isfinite(seq):
        return ""
    return seq if isinstance(seq, str | int | float | bool) else ""


def _seq_in(text: bytes) -> Any:
    found = ECHOED.search(text)
    try:
        return json.loads(found[1]) if found else ""
    except ValueError:
        return ""


async def _bytes_of(request: Request) -> bytes:
    """Forms are read as they stream; nothing is left of those."""
    try:
        return await request.body()
    except (ClientDisconnect, RuntimeError):
        return b""

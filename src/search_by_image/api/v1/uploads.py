"""The body of an import, from the network to the disk: never more than a piece of it is in memory."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from search_by_image.api.v1.bodies import JSON, kind_of, parsed, validated
from search_by_image.api.v1.job_schemas import ImportList
from search_by_image.errors import UnsupportedMediaTypeError, UploadTooLargeError
from search_by_image.jobs.job import Format
from search_by_image.jobs.spool import Incoming

PIECE = 2**20
FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "application/x-ndjson": Format.NDJSON,
        "application/zip": Format.ZIP,
        "text/csv": Format.CSV,
        JSON: Format.NDJSON,
        "application/jsonl": Format.NDJSON,
        "application/ndjson": Format.NDJSON,
        "application/x-zip-compressed": Format.ZIP,
    }
)
NAMED = ("application/x-ndjson", "text/csv", "application/zip", JSON)


def format_of(request: Request) -> Format:
    """Raises `UnsupportedMediaTypeError`."""
    kind = kind_of(request)
    if kind not in FORMATS:
        raise UnsupportedMediaTypeError(kind, NAMED)
    return FORMATS[kind]


async def receive(request: Request, upload: Incoming, *, list_bytes: int) -> None:
    """`list_bytes`: of a list in JSON, which is read as a whole.

    Raises `UploadTooLargeError`, `RequestValidationError`, `StoreUnavailableError`.
    """
    if kind_of(request) == JSON:
        raw = await _whole(request, list_bytes)
        await run_in_threadpool(_write_list, raw, upload)
        return
    async for piece in _pieces(request):
        await run_in_threadpool(upload.write, piece)


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    yield bytes(held)


async def _whole(request: Request, most: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise UploadTooLargeError(f"A list in JSON may have {most} bytes. Send NDJSON (application/x-ndjson).")
    return bytes(body)


def _write_list(raw: bytes, upload: Incoming) -> None:
    for item in _items(validated(ImportList, parsed(raw))):
        upload.write(json.dumps(item).encode() + b"\n")


def _items(given: ImportList) -> Iterator[Any]:
    if given.urls is not None:
        yield from ({"url": url, "document": {"url": url}} for url in given.urls)
    yield from given.items or ()

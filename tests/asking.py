"""One request to an application, without a server."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI

OWN = "http://127.0.0.1:8002"
HERE = ("127.0.0.1", 4000)


def ask(
    app: FastAPI, method: str, path: str, *, base_url: str = OWN, client: tuple[str, int] = HERE, **request: Any
) -> httpx.Response:
    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=client)
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as asker:
            return await asker.request(method, path, **request)

    return asyncio.run(answer())

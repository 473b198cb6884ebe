"""One request to an application, without a server."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI

OWN = "http://127.0.0.1:8002"


def ask(app: FastAPI, method: str, path: str, *, base_url: str = OWN, **request: Any) -> httpx.Response:
    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url) as client:
            return await client.request(method, path, **request)

    return asyncio.run(answer())

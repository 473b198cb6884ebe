"""So many calls at once, in an application whose calls wait until they are let go."""

import asyncio

import httpx
import pytest
from starlette.responses import JSONResponse, StreamingResponse

from search_by_image.api.callers import ALMIGHTY, ANYONE, CALLER
from search_by_image.api.crowd import Crowd


class Hall:
    """Two at once; each call waits inside until `doors` are open. `entered` counts them."""

    def __init__(self, caller=ALMIGHTY):
        self.entered, self.streaming, self.doors, self.caller = 0, 0, asyncio.Event(), caller
        self.app = Crowd(self._answer, limit=2)

    async def __call__(self, scope, receive, send):
        scope[CALLER] = self.caller
        await self.app(scope, receive, send)

    async def _answer(self, scope, receive, send):
        self.entered += 1
        if scope["path"] == "/v1/broken":
            raise RuntimeError("broken")
        response = StreamingResponse(self._events(), media_type="text/event-stream")
        if scope["path"] != "/v1/events":
            await self.doors.wait()
            response = JSONResponse("done")
        await response(scope, receive, send)

    async def _events(self):
        self.streaming += 1
        yield "data: 1\n\n"
        await self.doors.wait()

    async def until(self, entered):
        while self.entered < entered:
            await asyncio.sleep(0)


def in_a_hall(play, **options):
    async def run():
        hall = Hall(**options)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(hall), base_url="http://x") as client:
            return await asyncio.wait_for(play(hall, client), 30)

    return asyncio.run(run())


@pytest.mark.parametrize("path", ["/v1/info", "/api/SearchServer/GetImageDoc"])
def test_one_more_is_told_to_come_back(path):
    async def play(hall, client):
        inside = [asyncio.create_task(client.get("/v1/info")) for _ in range(2)]
        await hall.until(entered=2)
        refused = await client.get(path)
        hall.doors.set()
        assert [(await one).json() for one in inside] == ["done", "done"]
        assert (await client.get("/v1/info")).json() == "done"
        return refused

    refused = in_a_hall(play)
    assert refused.headers["Retry-After"] == "1"
    if path == "/v1/info":
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    else:
        assert (refused.status_code, refused.json()["status"]) == (200, "20008")


def test_a_call_that_breaks_leaves_its_place():
    async def play(hall, client):
        for _ in range(5):
            with pytest.raises(RuntimeError):
                await client.get("/v1/broken")
        hall.doors.set()
        assert (await client.get("/v1/info")).status_code == 200

    in_a_hall(play)


def test_streams_of_events_and_what_is_open_to_all_do_not_count():
    async def play(hall, client):
        many = []
        for number in range(1, 6):
            many.append(asyncio.create_task(client.get("/v1/events" if hall.caller is ALMIGHTY else "/")))
            await hall.until(entered=number)
            while hall.caller is ALMIGHTY and hall.streaming < number:
                await asyncio.sleep(0)
        hall.doors.set()
        assert {(await one).status_code for one in many} == {200}

    in_a_hall(play)
    in_a_hall(play, caller=ANYONE)

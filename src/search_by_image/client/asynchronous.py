"""The client whose calls are awaited, under asyncio."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable
from itertools import count
from ssl import SSLContext
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from search_by_image.api.v1 import job_schemas, schemas
from search_by_image.client import calls, job_calls
from search_by_image.client.bulk import ImportProgress, ImportReport, NewImage, Tally
from search_by_image.client.call import Call
from search_by_image.client.connection import SECONDS, Connection
from search_by_image.client.errors import ClientError, no_answer
from search_by_image.client.methods import shown_as
from search_by_image.client.retries import Retries, is_lost
from search_by_image.client.waiting import PATIENCE, Waiting
from search_by_image.errors import SearchByImageError

P = ParamSpec("P")
T = TypeVar("T")


def _sending(build: Callable[P, Call[T]]) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    async def send(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.send(await asyncio.to_thread(build, *args, **kwargs))

    return shown_as(build, send)


class AsyncClient:
    """For any number of tasks of one event loop. Close it, or use it in an `async with` statement.

    `url`: such as https://pictures.example.com; `key`: an API key; `timeout`: seconds that the service may be silent;
    `verify`: whose certificates are trusted, None: those of the system; `transport`: httpx's, for tests and tunnels.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = SECONDS,
        retries: Retries | None = None,
        verify: SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._connection = Connection(url, key, timeout, retries or Retries(), verify)
        self._http = httpx.AsyncClient(transport=transport, **self._connection.options())

    put_image = _sending(calls.put_image)
    get_image = _sending(calls.get_image)
    find_image = _sending(calls.find_image)
    version_of = _sending(calls.version_of)
    patch_image = _sending(calls.patch_image)
    delete_image = _sending(calls.delete_image)
    page = _sending(calls.page)
    delete_images = _sending(calls.delete_images)
    search = _sending(calls.search)
    compare = _sending(calls.compare)
    collections = _sending(calls.collections)
    collection = _sending(calls.collection)
    fields = _sending(calls.fields)
    create_collection = _sending(calls.create_collection)
    drop_collection = _sending(calls.drop_collection)
    start_import = _sending(job_calls.start_import)
    job = _sending(job_calls.job)
    job_page = _sending(job_calls.job_page)
    job_error_page = _sending(job_calls.job_error_page)
    cancel_job = _sending(job_calls.cancel_job)
    info = _sending(calls.info)
    is_ready = _sending(calls.is_ready)

    async def send(self, call: Call[T]) -> T:
        """Raises `NoAnswerError`, `ServiceError`, `UnexpectedAnswerError`."""
        lost = False
        for attempt in count(1):
            try:
                outcome: httpx.Response | httpx.TransportError = await self._http.send(call.request(self._http))
            except httpx.TransportError as error:
                outcome = error
            pause = self._connection.retries.pause(call, attempt, outcome)
            if pause is None:
                break
            lost = lost or is_lost(outcome)
            await asyncio.sleep(pause)
        if isinstance(outcome, httpx.Response):
            return call.result(outcome, lost=lost)
        raise no_answer(outcome, self._http.base_url) from outcome

    async def pages(
        self, collection: str, *, filter: calls.Filter | None = None, limit: int = 100
    ) -> AsyncIterator[schemas.Page]:
        """All pictures in pages of `limit`, in the order of their last change."""
        cursor: str | None = None
        while True:
            page = await self.page(collection, filter=filter, cursor=cursor, limit=limit)
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return

    async def images(
        self, collection: str, *, filter: calls.Filter | None = None, limit: int = 100
    ) -> AsyncIterator[schemas.Image]:
        """All pictures one by one, read in pages of `limit`."""
        async for page in self.pages(collection, filter=filter, limit=limit):
            for image in page.images:
                yield image

    async def import_images(
        self,
        collection: str,
        images: Iterable[NewImage] | AsyncIterable[NewImage],
        *,
        pipeline: str | None = None,
        parallel: int = 4,
        on_progress: Callable[[ImportProgress], None] | None = None,
    ) -> ImportReport:
        """Put pictures as they come, `parallel` at once; one that the service refuses is counted and reported.

        Pictures that are there under their id, with the same bytes, are skipped: after an interruption the same call
        goes on. Raises what ends all of them: `NoAnswerError`, `UnauthenticatedError`, `ForbiddenError`.
        """
        tally, running = Tally(on_progress), set[asyncio.Task[None]]()
        try:
            async for image in _each(images):
                running.add(asyncio.create_task(self._import(collection, image, pipeline, tally)))
                running = await _awaited(running, at_most=parallel - 1)
            await _awaited(running, at_most=0)
        except BaseException:
            await _cancelled(running)
            raise
        return tally.report()

    async def jobs(
        self, *, collection: str | None = None, state: job_calls.State | None = None, limit: int = 100
    ) -> AsyncIterator[job_schemas.Job]:
        """All import jobs one by one, the latest first, read in pages of `limit`."""
        cursor: str | None = None
        while True:
            page = await self.job_page(collection=collection, state=state, cursor=cursor, limit=limit)
            for job in page.jobs:
                yield job
            cursor = page.next_cursor
            if cursor is None:
                return

    async def job_errors(self, id: str, *, limit: int = 100) -> AsyncIterator[job_schemas.ItemFailure]:
        """All failed items of a job one by one, read in pages of `limit`."""
        cursor: str | None = None
        while True:
            page = await self.job_error_page(id, cursor=cursor, limit=limit)
            for error in page.errors:
                yield error
            cursor = page.next_cursor
            if cursor is None:
                return

    async def wait_for_job(
        self,
        id: str,
        *,
        on_progress: Callable[[job_schemas.Job], None] | None = None,
        timeout: float | None = None,
        patience: float = PATIENCE,
    ) -> job_schemas.JobWithErrors:
        """The job when it has ended, told of by its events; where they do not come it is asked for again and again.

        `timeout`: seconds after which `NotEndedError` is raised; `patience`: seconds for which the service may be away.
        """
        waiting = Waiting(id, on_progress, timeout, patience)
        while True:
            try:
                await self._follow(id, waiting)
                if waiting.is_over(job := await self.job(id)):
                    return job
            except ClientError as error:
                waiting.forgive(error)
            await asyncio.sleep(waiting.pause())

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _follow(self, id: str, waiting: Waiting) -> None:
        """Hear the job's events as long as they come."""
        try:
            async with self._http.stream("GET", job_calls.events_of(id), headers=waiting.headers) as answer:
                if waiting.begin(answer):
                    async for line in answer.aiter_lines():
                        if waiting.hears(line):
                            return
        except httpx.TransportError:
            return

    async def _import(self, collection: str, image: NewImage, pipeline: str | None, tally: Tally) -> None:
        try:
            image = await asyncio.to_thread(image.loaded)
            if image.is_held(await self.find_image(collection, image.id), pipeline):
                tally.skip()
                return
            await self.put_image(collection, image.id, image.picture, image.document, pipeline=pipeline)
            tally.add()
        except SearchByImageError as error:
            tally.fail(image.id, error)


async def _each(images: Iterable[NewImage] | AsyncIterable[NewImage]) -> AsyncIterator[NewImage]:
    if isinstance(images, AsyncIterable):
        async for image in images:
            yield image
    else:
        for image in images:
            yield image


async def _awaited(tasks: set[asyncio.Task[None]], *, at_most: int) -> set[asyncio.Task[None]]:
    """Those that still run when no more than so many do. Raises what one of the others raised."""
    while len(tasks) > at_most:
        done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
    return tasks


async def _cancelled(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

"""An application on a free port of this machine, served by uvicorn in a thread."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from search_by_image.listener import listener_config
from search_by_image.settings import Settings, load_settings

LONGEST = 15
"""Seconds that it is waited for. At the end of the whole suite, and only there, uvicorn takes minutes to end; why is
not known. Its thread ends with the process. How the service itself stops is tested with a process (test_shutdown.py).
"""


@contextmanager
def serving(app: FastAPI, settings: Settings | None = None) -> Iterator[str]:
    """The application's address, without a slash at its end."""
    config = listener_config(app, settings or load_settings(environ={}), grace=10, lifespan="off")
    config.port = 0
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    scheme = "https" if config.is_ssl else "http"
    yield f"{scheme}://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(LONGEST)

"""Milvus Lite: a folder that a server inside this process answers from."""

import importlib
import logging
from pathlib import Path
from typing import Any

from search_by_image.errors import MissingDependencyError, StoreError
from search_by_image.vectors.file_lock import hold


class LiteFile:
    """Raises `StoreLockedError` when another process, or another index here, has the file open.

    Raises `MissingDependencyError` without the package.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._server = _server_manager()
        self._lock = hold(path.with_name(f"{path.name}.lock"), path)

    def start(self) -> str:
        """The address, on loopback. The server starts with the first call."""
        address = self._server.start_and_get_uri(str(self._path))
        if address is None:
            raise StoreError(
                f"Milvus Lite cannot open {self._path}. It must be new, or a folder that Milvus Lite 3 made, and "
                "writable. Give another path in milvus/uri: the index there is filled from the records."
            )
        return str(address)

    def close(self) -> None:
        self._server.release_server(str(self._path))
        self._lock.release()


def _server_manager() -> Any:
    try:
        module = importlib.import_module("milvus_lite.server_manager")
    except ImportError as error:
        raise MissingDependencyError("milvus-lite", extra="milvus-lite", purpose="Milvus in a file") from error
    logging.getLogger("milvus_lite").setLevel(logging.CRITICAL + 1)
    return module.server_manager_instance

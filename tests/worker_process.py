"""The service as a process of its own, `search-by-image serve`, with a cheap pipeline; and its eight calls of old."""

import base64
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from faults.pictures import PIPELINE, picture

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "faults" / "server.xml"


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """For a process of ours; `settings` by their paths ('milvus/uri')."""
    given = {f"SEARCH_BY_IMAGE__{path.upper().replace('/', '__')}": value for path, value in settings.items()}
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"} | given


def command(settings: Mapping[str, str], *words: str) -> subprocess.Popen:
    """`search-by-image ...`, begun."""
    line = [sys.executable, "-m", "search_by_image", *words, "--config", str(SETTINGS)]
    return subprocess.Popen(
        line, env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


class ServiceProcess:
    """Begun at once; `wait_until_up` before the first call."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._process = command(settings, "serve", "--port", "0")
        self._client: httpx.Client | None = None

    def wait_until_up(self) -> None:
        said = []
        for line in self._process.stderr:
            said.append(line)
            if found := re.search(r"at (http://\S+)/", line):
                self._client = httpx.Client(base_url=f"{found[1]}/api/SearchServer/", timeout=60)
                return
        raise RuntimeError("".join(said))

    def stop(self) -> int:
        """As SIGTERM does; the exit status."""
        if self._client is not None:
            self._client.close()
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=60)
        return self._process.returncode

    def add(self, number: int, collection: str = "") -> None:
        document = {"image_doc": {"id": number}, "collection": collection}
        self._call("ImportByBase64", file=_encoded(number), pipeline=PIPELINE, **document)

    def search(self, number: int, collection: str = "") -> list[dict]:
        return self._call("SearchByBase64", file=_encoded(number), pipeline=PIPELINE, collection=collection)[
            "match_images"
        ]

    def found(self, number: int, collection: str = "") -> list[int]:
        return [match["id"] for match in self.search(number, collection)]

    def listed(self) -> list[int]:
        return [document["id"] for document in self._call("GetImageDoc", page_size=0)["images"]]

    def remove(self, number: int) -> None:
        self._call("RemoveImageDoc", field_name="id", field_values=number)

    def _call(self, name: str, **body) -> dict:
        answer = self._client.post(name, json=body).raise_for_status().json()
        if answer["status"] != "00000":
            raise RuntimeError(f"{name}: {answer['status']} {answer['msg']}")
        return answer


def _encoded(number: int) -> str:
    return base64.b64encode(picture(number)).decode()

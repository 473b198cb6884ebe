"""The image's commands run as they are, without Docker; `docs/deployment.md` says what was tried and what was not."""

import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployment_files import DEPLOYMENT_DOCS, PROJECT, ROOT, Image, read_image, services_of
from search_by_image.settings import load_settings

PREFIX = "SEARCH_BY_IMAGE__"


@pytest.fixture(scope="module")
def image():
    return read_image()


def test_the_dockerfile_passes_hadolint():
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_has_all_extras_that_a_service_needs():
    extras = set(PROJECT["optional-dependencies"]) - {"test", "milvus-lite", "train", "timm"}
    (wanted,) = re.findall(r"'\.\[([a-z,]+)\]'", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert set(wanted.split(",")) == extras


def test_the_image_runs_as_nobody_special_and_keeps_its_data_in_a_volume(image):
    user, _, group = image.last("USER").partition(":")
    assert int(user) > 1000
    assert int(group) > 1000
    volume, folder = Path(image.last("VOLUME")), Path(image.last("WORKDIR"))
    settings = load_settings(environ=image.environment)
    assert settings.flask.host == "0.0.0.0"
    assert str(settings.flask.port) == image.last("EXPOSE")
    assert settings.models.cache_path.is_relative_to(volume)
    assert settings.models.path.is_relative_to(volume)
    inside = [Path(settings.records.url.removeprefix("sqlite:///")), settings.vectors.path]
    assert all((folder / path.relative_to(Path.cwd())).is_relative_to(volume) for path in inside)


def test_what_is_copied_into_the_image_is_in_its_context(image):
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    sources = [word for line in re.findall(r"^COPY (?!--)(.*)$", text, re.MULTILINE) for word in line.split()[:-1]]
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert [source for source in sources if source.removeprefix("./") not in let_in] == []
    assert all((ROOT / source).exists() for source in sources)


@dataclass(frozen=True)
class Container:
    """The image's commands without the image: its environment, a folder in place of its own, a free port."""

    image: Image
    folder: Path
    environment: dict[str, str]

    def run(self, command, **options):
        return subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False, **options
        )

    def is_healthy(self, check):
        return self.run(check).returncode == 0

    def wait_for(self, check, process):
        deadline = time.monotonic() + 120
        while not self.is_healthy(check):
            assert process.poll() is None, "the service ended"
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.fixture
def container(image, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    folder = tmp_path / "srv"
    (folder / "data").mkdir(parents=True)
    environment = image.environment | {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(tmp_path / "no-home"),
        "http_proxy": "http://127.0.0.1:9",
        f"{PREFIX}FLASK__HOST": "127.0.0.1",
        f"{PREFIX}FLASK__PORT": str(port),
        f"{PREFIX}MODELS__CACHE_PATH": image.environment[f"{PREFIX}MODELS__CACHE_PATH"].replace("/srv", str(folder)),
    }
    return Container(image, folder, environment)


@pytest.mark.slow
def test_the_commands_of_the_image_start_check_and_stop_the_service(container, tmp_path):
    is_live = container.image.health_check
    is_ready = services_of("compose.yaml")["app"]["healthcheck"]["test"][1:]
    assert not container.is_healthy(is_live)
    assert not container.is_healthy(is_ready)
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            container.image.start, env=container.environment, cwd=container.folder, stdout=log, stderr=log
        )
        try:
            container.wait_for(is_live, process)
            container.wait_for(is_ready, process)
            process.send_signal(getattr(signal, container.image.last("STOPSIGNAL")))
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
    assert "everything is saved" in (tmp_path / "log").read_text()
    written = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.parts[:2] for path in written} == {("log",), ("srv", "data")}


@pytest.mark.slow
def test_the_backup_of_the_docs_can_be_opened(container):
    for page in DEPLOYMENT_DOCS:
        (line,) = re.findall(r"^docker exec \S+ (python -c .*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        command = shlex.split(line.replace("/srv/", f"{container.folder}/"))
        with sqlite3.connect(container.folder / "data" / "records.db") as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (word TEXT)")
            connection.execute("INSERT INTO kept VALUES ('yes')")
        connection.close()
        assert container.run(command).returncode == 0
        copy = sqlite3.connect(container.folder / "data" / "backup.db")
        assert copy.execute("SELECT word FROM kept LIMIT 1").fetchone() == ("yes",)
        copy.close()

"""Real MariaDB and PostgreSQL servers on a free port of 127.0.0.1, each with its data in a temporary folder."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import OperationalError

USER = "app"
PASSWORD = "p@ss:w/rd%20é"
UNPRIVILEGED = "nobody"
"""Neither server runs as root."""

SECONDS_TO_START = 60
POSTGRESQL_FOLDERS = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/local/pgsql/bin")]


class SqlServer(ABC):
    """`url(database)` stays the same when the server is stopped and started; so does what it keeps."""

    driver: str
    programs: tuple[str, ...]
    package: str
    admin: str

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"{self.package}-", dir="/tmp"))
        self._account = pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None
        if self._account:
            os.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
        self._port = free_port()
        self._process: subprocess.Popen | None = None
        self._prepare()
        self.start()

    @classmethod
    def why_not(cls) -> str | None:
        """Say why the server cannot run here; None when it can."""
        lacking = [program for program in cls.programs if find(program) is None]
        return f"no {', '.join(lacking)}: apt-get install {cls.package}" if lacking else None

    def url(self, database: str) -> str:
        return self._url(USER, PASSWORD, database).render_as_string(hide_password=False)

    def create_database(self, name: str) -> str:
        """Its URL."""
        self._administer(f"CREATE DATABASE {name}{self.options_of_a_database}")
        return self.url(name)

    def drop_database(self, name: str) -> None:
        self._administer(f"DROP DATABASE {name}{self.options_of_a_drop}")

    options_of_a_database = ""
    options_of_a_drop = ""

    def start(self) -> None:
        """Returns when the server answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log, **self._as_unprivileged())
        deadline = time.monotonic() + SECONDS_TO_START
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.package} did not start: {(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask the server to stop at once and wait until it has."""
        self._process.send_signal(self.polite)
        self._process.wait()
        self._process = None

    polite = signal.SIGTERM

    def kill(self) -> None:
        """All of its processes: one that serves a connection of PostgreSQL would answer for a while yet."""
        processes = self._processes()
        self._signal_all(signal.SIGKILL)
        self._process.wait()
        self._process = None
        while any(map(_is_running, processes)):
            time.sleep(0.01)

    def freeze(self) -> None:
        """The server keeps its connections and says nothing."""
        self._signal_all(signal.SIGSTOP)
        while any(state != "T" for process in self._processes() for state in _states(process)):
            time.sleep(0.01)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def close(self) -> None:
        if self._process is not None:
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _signal_all(self, which: signal.Signals) -> None:
        for process in self._processes():
            with suppress(ProcessLookupError):
                os.kill(process, which)

    def _processes(self) -> tuple[int, ...]:
        """PostgreSQL has one for each connection."""
        own = self._process.pid
        return own, *map(int, Path(f"/proc/{own}/task/{own}/children").read_text().split())

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self._as_unprivileged())
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")

    def _as_unprivileged(self) -> dict:
        inside = {"cwd": self._folder, "stdin": subprocess.DEVNULL}
        if self._account is None:
            return inside
        return inside | {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _url(self, user: str, password: str | None, database: str) -> URL:
        return URL.create(self.driver, user, password, "127.0.0.1", self._port, database)

    def _administer(self, *statements: str) -> None:
        engine = create_engine(self._url(*self._admin(), self.admin), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                for statement in statements:
                    connection.execute(text(statement.replace(":", r"\:")))
        finally:
            engine.dispose()

    def _answers(self) -> bool:
        try:
            self._administer("SELECT 1")
        except OperationalError:
            return False
        return True

    @abstractmethod
    def _admin(self) -> tuple[str, str | None]: ...

    @abstractmethod
    def _prepare(self) -> None: ...

    @abstractmethod
    def _command(self) -> list[str]: ...


class MariaDb(SqlServer):
    """Its root has a password only after the first start."""

    driver = "mysql+pymysql"
    programs = ("mariadbd", "mariadb-install-db")
    package = "mariadb-server"
    admin = "mysql"

    def start(self) -> None:
        super().start()
        self._administer(
            f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT ALL ON *.* TO '{USER}'@'%'",
        )

    def _admin(self) -> tuple[str, str | None]:
        return "root", None

    def _prepare(self) -> None:
        self._run(
            str(find("mariadb-install-db")),
            "--no-defaults",
            f"--datadir={self._folder}/data",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )

    def _command(self) -> list[str]:
        return [
            str(find("mariadbd")),
            "--no-defaults",
            f"--datadir={self._folder}/data",
            f"--socket={self._folder}/socket",
            f"--pid-file={self._folder}/pid",
            f"--port={self._port}",
            "--bind-address=127.0.0.1",
            "--innodb-flush-log-at-trx-commit=2",  # enough for a killed server, not for a power cut
            "--innodb-buffer-pool-size=32M",
        ]


class PostgreSql(SqlServer):
    driver = "postgresql+psycopg"
    programs = ("postgres", "initdb")
    package = "postgresql"
    admin = "postgres"
    polite = signal.SIGINT
    options_of_a_drop = " WITH (FORCE)"

    def _admin(self) -> tuple[str, str | None]:
        return USER, PASSWORD

    def _prepare(self) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        options = ("-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--auth=scram-sha-256", "--pwfile", str(password))
        self._run(str(find("initdb")), "-D", f"{self._folder}/data", "-U", USER, *options)

    def _command(self) -> list[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": "",
            "fsync": "off",  # enough for a killed server, not for a power cut
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [str(find("postgres")), "-D", f"{self._folder}/data", *settings]


def find(program: str) -> str | None:
    """Debian keeps MariaDB's server out of a normal user's path, and PostgreSQL's out of everyone's."""
    folders = [os.environ.get("PATH", ""), "/usr/sbin", *map(str, POSTGRESQL_FOLDERS)]
    return shutil.which(program, path=os.pathsep.join(folders))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def _is_running(process: int) -> bool:
    """One that has ended, but that its parent has not heard of, is not."""
    return any(state != "Z" for state in _states(process))


def _states(process: int) -> list[str]:
    """Of its threads, as proc(5) has them."""
    found = []
    for file in Path("/proc").glob(f"{process}/task/*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            found.append(file.read_text().rpartition(")")[2].split()[0])
    return found

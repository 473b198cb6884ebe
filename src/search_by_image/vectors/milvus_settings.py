"""How Milvus is reached, and how it indexes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from search_by_image.vectors.milvus_index_types import check_parameters, mistake

Consistency = Literal["Strong", "Session", "Bounded", "Eventually"]


@dataclass(frozen=True, slots=True)
class MilvusConnectionSettings:
    """`uri`: `http://host:port`, or `https://...` for TLS. `file`: Milvus Lite's, in place of a server; not there: new.

    `token` ("user:password", or a key) goes before `user` and `password`. `ca_file`: the certificate that signed the
    server's (PEM; None: those of the system), `certificate_file` and `key_file`: our own, where the server asks for
    one, `server_name`: the name in the server's certificate where it is not the host's.

    `timeout`: seconds until a call gives up; `load_timeout`: seconds until a collection is loaded into memory;
    `threads`: calls under way at once. `consistency`: Session finds what this process wrote; Strong what any process
    wrote, and waits some tenths of a second for it in every search; Bounded and Eventually may miss the last seconds.

    Raises `ConfigError` for an index type or parameter that does not exist.
    """

    uri: str = ""
    file: Path | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    db_name: str = ""
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    server_name: str = ""
    timeout: float = 10.0
    load_timeout: float = 600.0
    threads: int = 16
    consistency: Consistency = "Session"
    index_type: str = "AUTOINDEX"
    index_params: Mapping[str, int] = field(default_factory=dict)
    search_params: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_parameters(self.index_type, self.index_params, self.search_params)
        if (self.certificate_file is None) != (self.key_file is None):
            raise mistake("certificate_file", "A certificate needs its key, and a key its certificate. Give both.")
        if self.certificate_file is not None and self.ca_file is None:
            raise mistake("ca_file", "With a certificate of ours, Milvus's client needs that of the authority too.")

    @property
    def shown(self) -> str:
        """The address without what may be secret in it."""
        return self.uri.rpartition("@")[2] if self.file is None else str(self.file)

    @property
    def to_check(self) -> str:
        """The settings that decide whether the server is reached."""
        if self.uri.startswith("https:"):
            return "its address, and for TLS milvus/ca_file and milvus/server_name"
        return "milvus/host and milvus/port"

    def client_arguments(self) -> dict[str, Any]:
        """What `pymilvus.MilvusClient` takes. A connection of its own: shared ones are closed by nobody."""
        return {
            "uri": self.uri,
            "user": self.user,
            "password": self.password,
            "token": self.token,
            "db_name": self.db_name,
            "timeout": self.timeout,
            "dedicated": True,
            **self._tls_arguments(),
        }

    def without_secrets(self, text: str) -> str:
        for secret in (self.token, self.password, self.uri.rpartition("@")[0]):
            if secret:
                text = text.replace(secret, "***")
        return text

    def _tls_arguments(self) -> dict[str, Any]:
        if not self.uri.startswith("https:"):
            return {}
        ca = "" if self.ca_file is None else str(self.ca_file)
        if self.certificate_file is None:
            files = {"server_pem_path": ca}
        else:
            files = {
                "ca_pem_path": ca,
                "client_pem_path": str(self.certificate_file),
                "client_key_path": str(self.key_file),
            }
        return {"secure": True, "server_name": self.server_name, **files}

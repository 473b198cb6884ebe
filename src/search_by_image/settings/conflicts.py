"""Settings that are right one by one and cannot hold together."""

from collections.abc import Iterator

from search_by_image.errors import Problem
from search_by_image.settings.sections import MilvusSettings, Settings


def conflicts(settings: Settings) -> Iterator[Problem]:
    if settings.uses_mongodb and "records/url" in settings.origins:
        yield Problem(
            "records/url",
            "mongodb/host is given too, and there is one record store. Remove records/url to use MongoDB, or "
            "mongodb/host to use the database of records/url.",
        )
    if settings.milvus.host is not None and settings.milvus.uri is not None:
        yield Problem("milvus/uri", "milvus/host is given too, and there is one vector store. Keep one of the two.")
    if settings.tls.certfile is None and (settings.tls.keyfile or settings.tls.client_ca):
        yield Problem("tls/certfile", "tls/keyfile or tls/client_ca is given, but no certificate. Name its file.")
    yield from _milvus_tls(settings.milvus)
    if settings.logger.config_type == "JSON_FILE" and settings.logger.conf_file_name is None:
        yield Problem("logger/conf_file_name", "config_type is JSON_FILE: name the file that holds the dictConfig.")


def _milvus_tls(milvus: MilvusSettings) -> Iterator[Problem]:
    if (milvus.certificate_file is None) != (milvus.key_file is None):
        lacking = "key_file" if milvus.key_file is None else "certificate_file"
        yield Problem(f"milvus/{lacking}", "A certificate and its key go together. Give both, or neither.")
    if milvus.certificate_file is not None and milvus.ca_file is None:
        yield Problem("milvus/ca_file", "With a certificate of ours Milvus's client needs the authority's file too.")
    if milvus.ca_file is not None and not milvus.is_encrypted:
        yield Problem("milvus/ca_file", "The connection is not encrypted. Set milvus/secure, or give an https:// uri.")

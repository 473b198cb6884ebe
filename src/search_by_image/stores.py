"""From settings to the two stores; a back end's library is imported only where the settings choose it."""

import json
from typing import Any

from search_by_image.records.base import RecordStore
from search_by_image.settings import Settings
from search_by_image.vectors.base import Metric, VectorIndex


def open_records(settings: Settings) -> RecordStore:
    """Raises `MissingDependencyError` without the chosen back end's library, `StoreError` when it cannot be opened."""
    if settings.mongodb is not None and settings.uses_mongodb:
        from search_by_image.records.mongodb import MongoRecordStore

        return MongoRecordStore(settings.mongodb.model_dump(by_alias=True))
    from search_by_image.records.sql import SqlRecordStore

    return SqlRecordStore(settings.records.url)


def open_index(settings: Settings) -> VectorIndex:
    """Raises `MissingDependencyError`, `StoreLockedError` when another process has the embedded index open."""
    return _milvus(settings) if settings.uses_milvus else _embedded(settings)


def _embedded(settings: Settings) -> VectorIndex:
    from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings

    vectors = settings.vectors
    return EmbeddedIndex(
        EmbeddedSettings(
            path=vectors.path,
            kind=vectors.index,
            exact_below=vectors.exact_below,
            ivf_above=vectors.ivf_above,
            recall_target=vectors.recall_target,
            snapshot_every=vectors.snapshot_every,
            rebuild_share=vectors.rebuild_share,
        )
    )


def _milvus(settings: Settings) -> VectorIndex:
    from search_by_image.vectors.milvus import MilvusConnectionSettings, MilvusIndex

    milvus = settings.milvus
    scheme = "https" if milvus.secure else "http"
    return MilvusIndex(
        MilvusConnectionSettings(
            uri=milvus.uri or f"{scheme}://{milvus.host}:{milvus.port}",
            user=milvus.user,
            password=milvus.password,
            token=milvus.token,
            file=milvus.file,
            db_name=milvus.db_name,
            ca_file=milvus.ca_file,
            certificate_file=milvus.certificate_file,
            key_file=milvus.key_file,
            server_name=milvus.server_name,
            timeout=milvus.timeout,
            load_timeout=milvus.load_timeout,
            threads=milvus.threads,
            consistency=milvus.consistency_level,
            index_type=_index_type(settings),
            index_params=_parsed(milvus.index_params),
            search_params=_search_params(settings),
        )
    )


def _index_type(settings: Settings) -> str:
    """`search_config/nprobe` is of 2020, when every index was an IVF one: alone, it asks for one still."""
    milvus = settings.milvus
    if settings.search_config.nprobe is None or "milvus/index_type" in settings.origins:
        return milvus.index_type
    return "BIN_IVF_FLAT" if Metric(milvus.metric_type).is_binary else "IVF_FLAT"


def _search_params(settings: Settings) -> dict[str, Any]:
    given = _parsed(settings.milvus.search_params)
    nprobe = settings.search_config.nprobe
    return {"nprobe": nprobe} | given if nprobe is not None and "IVF" in _index_type(settings) else given


def _parsed(text: str) -> dict[str, Any]:
    return json.loads(text) if text else {}

"""From settings to a running engine: the one place that chooses and connects the parts."""

import logging
import os

from search_by_image.engine import SearchEngine
from search_by_image.extraction import Extractor
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.images import ImageLimits
from search_by_image.library import Library, LibraryOptions
from search_by_image.locks import Gate
from search_by_image.maintenance import Maintenance
from search_by_image.models.runtime import RuntimeSettings
from search_by_image.pipeline import Pipeline
from search_by_image.plugin_files import PluginLoader
from search_by_image.plugins import Host, Registry
from search_by_image.processors import shipped
from search_by_image.records.sql import SqlRecordStore
from search_by_image.settings import Settings
from search_by_image.vectors.base import Metric, VectorIndex
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings
from search_by_image.workshop import Workshop

BYTES_PER_MB = 2**20
logger = logging.getLogger(__name__)


def open_engine(settings: Settings, *, maintain: bool = True) -> SearchEngine:
    """`maintain`: keep house in the background while the engine is open.

    Raises `ConfigError` for mistakes in pipelines, `StoreLockedError` when another process has the stores.
    """
    index = _index(settings)
    try:
        library = Library(SqlRecordStore(settings.records.url), index, _extractor(settings), _options(settings))
    except BaseException:
        index.close()
        raise
    maintenance = Maintenance(library, settings.maintenance.interval) if maintain else None
    return SearchEngine(library, maintenance=maintenance, threads=worker_count(settings), batch=settings.limits.batch)


def open_fetcher(settings: Settings) -> UrlFetcher:
    fetch = settings.fetch
    return UrlFetcher(
        FetchSettings(
            max_bytes=image_limits(settings).max_bytes,
            allow_private=fetch.allow_private,
            allowed_hosts=fetch.allowed_hosts,
            allowed_ports=fetch.allowed_ports,
            timeout=fetch.timeout,
            max_redirects=fetch.max_redirects,
        )
    )


def build_pipelines(settings: Settings) -> dict[str, Pipeline]:
    """Raises `ConfigError` with everything that is wrong in any plug-in, or else in any pipeline."""
    workshop = Workshop(_registry(settings), _host(settings), settings.pipeline.processer_para)
    return workshop.pipelines(settings.pipeline.pipeline_config)


def image_limits(settings: Settings) -> ImageLimits:
    return ImageLimits(int(settings.max_upload_size * BYTES_PER_MB), settings.images.max_pixels)


def thread_count(settings: Settings) -> int:
    """Inferences at once."""
    return settings.limits.threads or len(os.sched_getaffinity(0))


def worker_count(settings: Settings) -> int:
    """Pictures under way at once: one more than inferences, so that one is decoded or written meanwhile."""
    return thread_count(settings) + 1


def _registry(settings: Settings) -> Registry:
    registry = Registry()
    for plugin in shipped():
        registry.add(plugin)
    configured = settings.pipeline
    PluginLoader(registry, configured.processer_para, configured.router_para).load(configured.plugins_path)
    return registry


def _host(settings: Settings) -> Host:
    runtime = RuntimeSettings(thread_count(settings), settings.models.precision, settings.models.cache_path)
    return Host(runtime, image_limits(settings))


def _extractor(settings: Settings) -> Extractor:
    gate = Gate(worker_count(settings), settings.limits.queue)
    return Extractor(build_pipelines(settings), image_limits(settings), gate)


def _index(settings: Settings) -> VectorIndex:
    vectors = settings.vectors
    if settings.search_config.nprobe is not None:
        logger.warning("search_config/nprobe has no effect here: vectors/recall_target tunes the embedded index")
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


def _options(settings: Settings) -> LibraryOptions:
    search = settings.search_config
    return LibraryOptions(
        app_name=search.app_name,
        default_collection=search.default_collection,
        collections=search.collections,
        metric=Metric(settings.milvus.metric_type),
        top_k=search.topk,
        match_score=search.match_score,
        document_bytes=settings.limits.document_bytes,
    )

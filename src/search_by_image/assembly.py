"""From settings to a running engine: the one place that chooses and connects the parts."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from search_by_image.engine import SearchEngine
from search_by_image.extraction import Extractor
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.hivenet import globals_of
from search_by_image.images import ImageLimits
from search_by_image.jobs.jobs import Jobs
from search_by_image.jobs.options import ArchiveLimits, JobOptions
from search_by_image.library import Library
from search_by_image.library_options import LibraryOptions
from search_by_image.locks import Gate
from search_by_image.maintenance import Maintenance
from search_by_image.models.runtime import RuntimeSettings
from search_by_image.pipeline import Pipeline
from search_by_image.plugin_files import PluginLoader
from search_by_image.plugins import Host, Registry
from search_by_image.processors import shipped
from search_by_image.settings import Settings
from search_by_image.stores import open_index, open_records
from search_by_image.vectors.base import Metric
from search_by_image.workshop import Workshop

BYTES_PER_MB = 2**20


def open_engine(settings: Settings, *, maintain: bool = True) -> SearchEngine:
    """`maintain`: keep house in the background while the engine is open.

    Raises `ConfigError` for mistakes in pipelines, `StoreLockedError` when another process has the stores.
    """
    with ExitStack() as opened:
        workshop = open_workshop(settings, open_registry(settings))
        extractor = open_extractor(settings, workshop)
        index = open_index(settings)
        opened.callback(index.close)
        records = open_records(settings)
        opened.callback(records.close)
        library = Library(records, index, extractor, _options(settings), remake=workshop.remade)
        opened.pop_all()
    maintenance = Maintenance(library, settings.maintenance.interval) if maintain else None
    return SearchEngine(library, maintenance=maintenance, threads=worker_count(settings), batch=settings.limits.batch)


def open_fetcher(settings: Settings) -> UrlFetcher:
    return UrlFetcher(fetch_settings(settings))


def open_jobs(settings: Settings, engine: SearchEngine, fetcher: UrlFetcher) -> Jobs:
    """They begin, or go on, within the `with` statement."""
    return Jobs(engine.library, fetcher, job_options(settings))


def job_options(settings: Settings) -> JobOptions:
    jobs = settings.jobs
    own = jobs.model_dump(exclude={"unpacked_bytes", "zip_ratio", "zip_directory_bytes", "threads"})
    return JobOptions(
        **own,
        archive=ArchiveLimits(jobs.unpacked_bytes, jobs.zip_ratio, jobs.zip_directory_bytes),
        threads=jobs.threads or max(thread_count(settings) // 2, 1),
        batch=settings.limits.batch,
        alone=not settings.uses_milvus,
    )


def fetch_settings(settings: Settings) -> FetchSettings:
    """Raises `ConfigError`."""
    return FetchSettings(max_bytes=image_limits(settings).max_bytes, **settings.fetch.model_dump())


def open_downloader(settings: Settings) -> UrlFetcher:
    """For models' files: what may be fetched is as for pictures, how much of it is not. Raises `ConfigError`."""
    models = settings.models
    limits = FetchSettings(
        max_bytes=models.download_bytes,
        max_bytes_name="models/download_bytes",
        timeout=models.download_seconds,
        timeout_name="models/download_seconds",
        **settings.fetch.model_dump(exclude={"timeout"}),
    )
    return UrlFetcher(limits)


def build_pipelines(settings: Settings) -> dict[str, Pipeline]:
    """Raises `ConfigError` with everything that is wrong in any plug-in, or else in any pipeline."""
    return open_workshop(settings, open_registry(settings)).pipelines(settings.pipeline.pipeline_config)


def open_registry(settings: Settings) -> Registry:
    """With every plug-in; raises `ConfigError`."""
    registry = Registry()
    load_plugins(registry, settings)
    return registry


def open_workshop(settings: Settings, registry: Registry, para: Mapping[str, Mapping[str, Any]] = {}) -> Workshop:
    """`para`: settings of processors by their names, in place of the configured ones of the same names."""
    configured = settings.pipeline
    return Workshop(
        registry,
        _host(settings),
        {**configured.processer_para, **para},
        node_timeout=configured.node_timeout,
        max_steps=configured.max_steps,
    )


def open_extractor(settings: Settings, workshop: Workshop) -> Extractor:
    """Over the configured pipelines. Raises `ConfigError` with everything that is wrong in any of them."""
    pipelines = workshop.pipelines(settings.pipeline.pipeline_config)
    gate = Gate(worker_count(settings), settings.limits.queue)
    return Extractor(pipelines, image_limits(settings), gate, text_characters=settings.limits.text_characters)


def image_limits(settings: Settings) -> ImageLimits:
    return ImageLimits(int(settings.max_upload_size * BYTES_PER_MB), settings.images.max_pixels)


def thread_count(settings: Settings) -> int:
    """Inferences at once."""
    return settings.limits.threads or len(os.sched_getaffinity(0))


def worker_count(settings: Settings) -> int:
    """Pictures under way at once: one more than inferences, so that one is decoded or written meanwhile."""
    return thread_count(settings) + 1


def load_plugins(registry: Registry, settings: Settings) -> None:
    """Those that are shipped, those of the folders, those of packages; raises `ConfigError` when all were tried."""
    configured = settings.pipeline
    loader = PluginLoader(registry, configured.processer_para, configured.router_para, globals_of(settings))
    loader.load(configured.plugins_path, shipped())


def _host(settings: Settings) -> Host:
    runtime = RuntimeSettings(thread_count(settings), settings.models.precision, settings.models.cache_path)
    return Host(runtime, image_limits(settings), settings.base_path, settings.models.path)


def _options(settings: Settings) -> LibraryOptions:
    search = settings.search_config
    return LibraryOptions(
        app_name=search.app_name,
        default_collection=search.default_collection,
        collections=search.collections,
        metric=Metric(settings.milvus.metric_type),
        dimension=settings.milvus.dimension,
        top_k=search.topk,
        match_score=search.match_score,
        document_bytes=settings.limits.document_bytes,
        store_timeout=settings.limits.store_timeout,
    )

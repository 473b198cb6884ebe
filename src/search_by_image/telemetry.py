"""From settings to the spans that are sent to a collector of OpenTelemetry, by OTLP over HTTP."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version

from search_by_image.api.spans import NoSpans, Spans
from search_by_image.errors import MissingDependencyError
from search_by_image.settings import Settings

ASKING = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@contextmanager
def open_spans(settings: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Spans]:
    """Spans are sent while it is open; what is left at the end is sent then.

    `traces/otlp_endpoint` or a variable of OpenTelemetry asks for them; those variables hold for all the rest. Raises
    `MissingDependencyError`.
    """
    endpoint = settings.traces.otlp_endpoint
    if endpoint is None and not any(map(environ.get, ASKING)):
        yield NoSpans()
        return
    with _sent_to(f"{endpoint.rstrip('/')}/v1/traces" if endpoint else None) as spans:
        yield spans


@contextmanager
def _sent_to(url: str | None) -> Iterator[Spans]:
    """`url` None: as the environment says."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from search_by_image.api.otel import OtelSpans
    except ImportError as error:
        package = error.name or "opentelemetry-sdk"
        raise MissingDependencyError(package, extra="otel", purpose="Sending traces to OpenTelemetry") from error
    here = version("search-by-image")
    named = Resource({"service.name": "search-by-image", "service.version": here})
    provider = TracerProvider(resource=named.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url)))
    try:
        yield OtelSpans(provider.get_tracer("search_by_image", here))
    finally:
        provider.shutdown()

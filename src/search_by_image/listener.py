"""How uvicorn is told to listen: limits of connections, TLS, whose word about the caller counts."""

from typing import Literal

import uvicorn
from starlette.types import ASGIApp

from search_by_image.connections import patient
from search_by_image.settings import Settings
from search_by_image.tls import server_context


def listener_config(
    app: ASGIApp, settings: Settings, *, grace: int, lifespan: Literal["auto", "off"] = "auto"
) -> uvicorn.Config:
    """`grace`: seconds that connections have to end. Raises `ListenError` when TLS cannot be used as it is set."""
    limits, proxies, context = settings.limits, settings.access.trusted_proxies, server_context(settings.tls)
    return uvicorn.Config(
        app,
        http=patient(head_seconds=limits.head_seconds, take_seconds=limits.body_pause),
        ws="none",
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=limits.connections,
        h11_max_incomplete_event_size=limits.head_bytes,
        timeout_keep_alive=limits.keep_alive,
        timeout_graceful_shutdown=grace,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        ssl_context_factory=(lambda _config, _default: context) if context else None,
    )

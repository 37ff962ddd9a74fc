"""The web application."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import TracerProvider

from app.connections.retention import Kept, purge_for_ever
from app.errors import DatabaseUnavailable
from app.factory import Process, open_process
from app.metrics import VERSION
from app.settings import Settings, origin_of
from app.web.front_end_files import front_end_paths
from app.web.metrics_port import serve_metrics
from app.web.middleware import WebRules, install_middleware
from app.web.openapi.document import install_document, operation_id
from app.web.problems import install_error_handlers
from app.web.request_log import QUIET_PATHS
from app.web.routes import (
    account_settings,
    admin_app,
    admin_audit,
    admin_connections,
    admin_events,
    admin_links,
    admin_picture,
    admin_refresher,
    admin_settings,
    callback,
    completion,
    connect,
    console,
    entry,
    events,
    gateway,
    infobip_calls,
    operations,
    session,
    ui,
)

log = structlog.get_logger(__name__)

_WRITE_THE_REST_WITHIN_SECONDS = 3.0


def create_app(
    settings: Settings,
    *,
    refresher: bool = True,
    on_failure: Callable[[], None] = lambda: None,
    metrics_listener: socket.socket | None = None,
    tracing: TracerProvider | None = None,
) -> FastAPI:
    """Hearth as an ASGI application, with or without a refresher in the same process.

    `on_failure` is called when a background duty died: the process should then end, because
    tokens are no longer kept alive by it. `metrics_listener` is a port of their own for metrics.
    `tracing` makes spans of requests and of calls to Infobip.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            open_process(settings, tracing=tracing) as process,
            _duties(process, refresher, on_failure, metrics_listener),
        ):
            if process.deliveries is not None:
                await process.deliveries.begin()
            await _keep_configured_api_key(process)
            app.state.process = process
            yield

    app = FastAPI(
        title="Hearth",
        version=VERSION,
        lifespan=lifespan,
        generate_unique_id_function=operation_id,
        openapi_url=None,  # see install_document
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # such redirects are built from the request's Host
        telemetry=_telemetry(tracing),
    )
    install_middleware(app, _web_rules(settings))
    install_error_handlers(app)
    pages = (entry, connect, callback, completion, ui)
    administration = (
        admin_connections,
        admin_links,
        admin_refresher,
        admin_picture,
        admin_settings,
        admin_app,
        admin_audit,
        admin_events,
    )
    for routes in (
        *pages,
        session,
        account_settings,
        events,
        *administration,
        infobip_calls,
        operations,
        console,
    ):
        app.include_router(routes.router)
    app.router.routes += [*ui.assets(settings.pages), *console.assets()]
    app.router.routes[:0] = gateway.routes()  # looked at first, because they have to be fast
    install_document(app)
    return app


def _telemetry(tracing: TracerProvider | None) -> TelemetryConfig:
    """FastAPI's own, by this provider alone: a global one would be shown whole addresses."""
    return TelemetryConfig(
        tracer_provider=tracing,
        tracing=tracing is not None,
        metrics=False,
        logs=False,
        operation_spans=False,
        auto_configure=False,
        exclude=lambda scope: scope["path"].startswith(QUIET_PATHS),
    )


async def _keep_configured_api_key(process: Process) -> None:
    """INFOBIP_API_KEY as a connection. Only who serves does this: a refresher alone needs no key,
    and one without it must not end the connection of those who have it."""
    api_key = process.settings.infobip.api_key
    await process.api_keys.keep_configured(api_key.get_secret_value() if api_key else None)


def _kept(settings: Settings) -> Kept:
    return Kept(
        session_idle_seconds=settings.web.session_idle_seconds,
        audit_days=settings.storage.audit_retention_days,
        events_days=settings.events.retention_days,
    )


def _web_rules(settings: Settings) -> WebRules:
    infobip = (settings.infobip.oauth_url, settings.infobip.portal_url)
    return WebRules(
        frame_ancestors=settings.frame_ancestors,
        authorize_origins=tuple(sorted({origin_of(url) for url in infobip})),
        cors_origins=settings.web.cors_origins,
        trusted_proxies=settings.web.trusted_proxies,
        https=settings.web.public_url.startswith("https:"),
        front_ends=front_end_paths(settings.pages),
    )


@asynccontextmanager
async def _duties(
    process: Process,
    refresher: bool,
    on_failure: Callable[[], None],
    metrics_listener: socket.socket | None,
) -> AsyncIterator[None]:
    """What goes on beside the requests; stopped in good order at the end."""
    stop = asyncio.Event()
    endless = [
        asyncio.create_task(duty)
        for duty in (
            purge_for_ever(process.database, _kept(process.settings)),
            process.usage.write_for_ever(),
            process.history.follow(),
            process.refusals.write_for_ever(),
            process.news.follow(),
        )
    ]
    tasks = list(endless)
    if refresher and process.refresher is not None:
        tasks.append(asyncio.create_task(process.refresher.run(stop)))
    if process.deliveries is not None:
        tasks.append(asyncio.create_task(process.deliveries.run(stop)))
    if metrics_listener is not None:
        serving = serve_metrics(process.metrics, metrics_listener, stop)
        tasks.append(asyncio.create_task(serving))

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("background_duty_died", exc_info=error)
            on_failure()

    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        stop.set()
        for task in endless:
            task.cancel()
        await asyncio.gather(*tasks, _write_the_rest(process), return_exceptions=True)


async def _write_the_rest(process: Process) -> None:
    """What requests left behind, beside the refresher's end, which takes the time that there is."""
    with suppress(DatabaseUnavailable, TimeoutError):
        async with asyncio.timeout(_WRITE_THE_REST_WITHIN_SECONDS):
            await process.usage.write()
            await process.refusals.write(all_of_it=True)

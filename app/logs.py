"""Logs are events: a fixed message plus fields; readable at a terminal, JSON elsewhere."""

import logging
import sys

import structlog


def configure_logs(*, level: str = "INFO") -> None:
    """Send our events and those of libraries to stderr in one form. Call once per process."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering())
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    _quieten_libraries()


def _rendering() -> list[structlog.typing.Processor]:
    drop_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if sys.stderr.isatty():
        # Rich tracebacks would show local variables, tokens among them.
        plain = structlog.dev.plain_traceback
        return [drop_meta, structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    return [
        drop_meta,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]


def _quieten_libraries() -> None:
    """httpx logs whole URLs at INFO, uvicorn's access log whole query strings: never those."""
    for name in ("httpx", "httpcore", "asyncio", "sqlalchemy.engine", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True

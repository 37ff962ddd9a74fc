"""Traces for OpenTelemetry, where the environment asks for them.

Its SDK and exporter are an extra (`otel`). Where nobody asks, they are not even imported.
"""

import importlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry.trace import TracerProvider

from app.errors import ConfigurationError
from app.tracing.discreet import DiscreetProvider

_END_WITHIN_SECONDS = 0.5
_PROTOCOL = "http/protobuf"


@contextmanager
def open_tracing(environment: Mapping[str, str] = os.environ) -> Iterator[TracerProvider | None]:
    """What makes spans, or None where none are wanted. Spans that are left are sent at the end.

    Raises ConfigurationError where they are wanted in a way that is not to be had.
    """
    if not is_wanted(environment):
        yield None
        return
    provider = _load().make_provider(environment)
    try:
        yield DiscreetProvider(provider)
    finally:
        # A collector that is away must not hold us up.
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(_END_WITHIN_SECONDS)


def is_wanted(environment: Mapping[str, str]) -> bool:
    """By OpenTelemetry's own variables. Raises ConfigurationError as `open_tracing`."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "")
    where = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if exporter == "none" or not (exporter or any(environment.get(name) for name in where)):
        return False
    if exporter not in ("", "otlp"):
        raise ConfigurationError("OTEL_TRACES_EXPORTER must be otlp or none: there is no other.")
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if environment.get(name, _PROTOCOL) != _PROTOCOL:
            raise ConfigurationError(f"{name} must be {_PROTOCOL}: there is no other.")
    return True


def _load() -> Any:
    try:
        return importlib.import_module("app.tracing.exporting")
    except ImportError as error:
        raise ConfigurationError(
            "Traces are asked for (OTEL_…), and the packages for them are not installed: install "
            "requirements-otel.lock in place of requirements-runtime.lock."
        ) from error

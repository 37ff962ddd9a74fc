"""Spans without what a request carried.

FastAPI makes a span for each request, and puts the whole address into it: the callback's has a
code, a link's has its secret, and paths name people. Those are taken away before anybody sees them.
"""

from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Tracer, TracerProvider
from opentelemetry.util.types import Attributes

_SECRET = frozenset({"url.path", "url.query", "url.full", "http.request.method_original"})


class DiscreetProvider(TracerProvider):
    """Makes tracers whose spans begin without the address."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider

    def get_tracer(self, *args: Any, **options: Any) -> Tracer:
        return _DiscreetTracer(self._provider.get_tracer(*args, **options))


class _DiscreetTracer(Tracer):
    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        *args: Any,
        **options: Any,
    ) -> Span:
        discreet = _discreet(attributes)
        return self._tracer.start_span(name, context, kind, discreet, *args, **options)

    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        *args: Any,
        **options: Any,
    ) -> Any:
        discreet = _discreet(attributes)
        return self._tracer.start_as_current_span(name, context, kind, discreet, *args, **options)


def _discreet(attributes: Attributes) -> Attributes:
    return {name: value for name, value in (attributes or {}).items() if name not in _SECRET}

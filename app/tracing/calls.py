"""A span for each call to Infobip: renewals, exchanges, the gateway's.

It says which host was called and what came of it; nothing that was sent or answered, and no path:
those of the gateway name people. Infobip is not told of our traces.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider

from app.infobip.answers import Answer
from app.infobip.errors import InfobipError
from app.infobip.http1_client import Client, Request, Response
from app.infobip.http1_connection import Limits
from app.infobip.httpx_transport import HttpxTransport
from app.infobip.transport import Transport


class TracedTransport(Transport):
    """A Transport whose calls are seen."""

    def __init__(self, provider: TracerProvider) -> None:
        super().__init__()
        self._spans = _Spans(provider)
        self.client = _TracedClient(self.client, self._spans)
        self.raw = HttpxTransport(self.client)

    async def post_form(self, url: str, form: bytes, *, timeout_seconds: float) -> Answer:
        """A renewal."""
        with self._spans.of_call("renewal", "POST", httpx.URL(url).host) as span:
            answer = await super().post_form(url, form, timeout_seconds=timeout_seconds)
            _note(span, answer.status)
        return answer


class _Spans:
    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("hearth")

    @contextmanager
    def of_call(self, name: str, method: str, host: str) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name,
            kind=SpanKind.CLIENT,
            attributes={"http.request.method": method, "server.address": host},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except InfobipError as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise


class _TracedClient:
    """Until the answer's head is there; its body may take as long as its reader does."""

    def __init__(self, client: Client, spans: _Spans) -> None:
        self._client = client
        self._spans = spans

    async def execute(self, request: Request, limits: Limits) -> Response:
        host = httpx.URL(request.origin).host
        with self._spans.of_call(f"call {request.method}", request.method, host) as span:
            response = await self._client.execute(request, limits)
            _note(span, response.status)
        return response


def _note(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 400:
        span.set_status(StatusCode.ERROR)

"""A collector of traces: what OpenTelemetry's exporter sends, as it arrived and as it reads."""

import gzip
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.servers import free_socket, serving


@dataclass
class Collector:
    """Where it listens, and what it got."""

    url: str = ""
    received: list[bytes] = field(default_factory=list)

    def spans(self, name: str | None = None) -> list[Span]:
        return [span for span in self._all() if name in (None, span.name)]

    def services(self) -> set[str]:
        return {
            attribute.value.string_value
            for body in self.received
            for group in ExportTraceServiceRequest.FromString(body).resource_spans
            for attribute in group.resource.attributes
            if attribute.key == "service.name"
        }

    def _all(self) -> Iterator[Span]:
        for body in self.received:
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in group.scope_spans:
                    yield from scope.spans


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()

    async def take(request: Request) -> Response:
        body = await request.body()
        packed = request.headers.get("content-encoding") == "gzip"
        collector.received.append(gzip.decompress(body) if packed else body)
        return Response(media_type="application/x-protobuf")

    app = Starlette(routes=[Route("/v1/traces", take, methods=["POST"])])
    async with serving(app, free_socket()) as url:
        collector.url = url
        yield collector

"""The SDK, as its own variables describe it. Imported by who wants traces alone."""

from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def make_provider(environment: Mapping[str, str]) -> TracerProvider:
    """Sampler, limits, batches, address and headers are read from OTEL_… by the SDK itself."""
    named = "OTEL_SERVICE_NAME" in environment
    resource = Resource.create({} if named else {SERVICE_NAME: "hearth"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider

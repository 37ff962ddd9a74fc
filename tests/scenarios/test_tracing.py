"""Traces as an operator's collector gets them, and that nobody pays for them unasked."""

import subprocess
import sys

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from app.errors import ConfigurationError
from app.tracing import is_wanted
from sandbox.config import CLIENT_SECRET
from tests.support.collector import Collector, collecting
from tests.support.processes import hearth_process
from tests.support.servers import free_port
from tests.support.signing_in import environment_for, sign_in_at
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

CALL = "GET /api/infobip/{path}"
LIFE = 4.0


async def test_requests_calls_and_renewals_are_spans_that_carry_no_secret(
    vendor: Vendor, http: httpx.AsyncClient, database_url: str
) -> None:
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    port = free_port()
    environment = await environment_for(
        vendor, port=port, database_url=database_url, life_seconds=LIFE
    )
    async with collecting() as collector:
        asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        command = ["serve", "--port", str(port)]
        with hearth_process(*command, environment=environment | asked) as hearth:
            await hearth.wait_for("shards_loaded")
            browser, _, secrets = await sign_in_at(port, vendor, http)
            balance = await browser.api("GET", "/infobip/account/1/balance?who=somebody")
            assert balance.status_code == 200
            await eventually(lambda: has_spans(collector, CALL, "renewal"))
            tokens = (await http.get(f"{vendor.url}/_sandbox/tokens")).text
            assert await hearth.end() == 0
        logged = [event for event in hearth.events("request") if event["status"] == 200]

    (call,) = collector.spans(CALL)
    (beyond,) = [span for span in collector.spans("call GET") if span.trace_id == call.trace_id]
    assert beyond.parent_span_id == call.span_id
    assert attributes(call)["hearth.request_id"] == logged[-1]["request_id"]
    assert call.trace_id.hex() == logged[-1]["trace_id"]
    assert collector.spans("GET /oauth/callback")
    assert collector.services() == {"hearth"}
    renewal = collector.spans("renewal")[0]
    assert attributes(renewal) == {
        "http.request.method": "POST",
        "http.response.status_code": "200",
        "server.address": "127.0.0.1",
    }
    sent = b"".join(collector.received)
    assert tokens
    for secret in (*secrets, CLIENT_SECRET, "somebody", "account/1"):
        assert secret.encode() not in sent


async def has_spans(collector: Collector, *names: str) -> bool:
    return all(collector.spans(name) for name in names)


def attributes(span: Span) -> dict[str, str]:
    return {
        each.key: each.value.string_value or str(each.value.int_value) for each in span.attributes
    }


def test_nothing_of_the_sdk_is_imported_where_nobody_asks() -> None:
    script = (
        "import sys, app.cli\nfrom app.tracing import open_tracing\n"
        "with open_tracing({}) as tracing: assert tracing is None\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, False),
    ],
)
def test_opentelemetrys_own_variables_say_whether(
    environment: dict[str, str], *, wanted: bool
) -> None:
    assert is_wanted(environment) is wanted


@pytest.mark.parametrize(
    "wrong",
    [{"OTEL_TRACES_EXPORTER": "zipkin"}, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}],
)
def test_what_is_not_to_be_had_is_said(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as error:
        is_wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"} | wrong)
    assert next(iter(wrong)) in error.value.detail

"""Those that Hearth is compared with: the obvious proxy, and FastAPI's bare answer."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from bench.stub.answer import ANSWER

_UPSTREAM = os.environ.get("BENCH_UPSTREAM", "")
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_RAISED = httpx.Limits(max_connections=1_000, max_keepalive_connections=1_000)
_OURS = {"host", "cookie", "x-hearth", "authorization", "connection"}


@asynccontextmanager
async def _client(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(base_url=_UPSTREAM, trust_env=False, timeout=30) as client:
        app.state.client = client
        yield


@asynccontextmanager
async def _large_client(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(
        base_url=_UPSTREAM, trust_env=False, timeout=30, limits=_RAISED
    ) as client:
        app.state.client = client
        yield


obvious = FastAPI(lifespan=_client)
raised = FastAPI(lifespan=_large_client)
bare = FastAPI()


@raised.api_route("/api/infobip/{path:path}", methods=_METHODS)
@obvious.api_route("/api/infobip/{path:path}", methods=_METHODS)
async def forward(path: str, request: Request) -> StreamingResponse:
    """As one would write it: a shared client, both sides streamed, no session, no policy."""
    client: httpx.AsyncClient = request.app.state.client
    headers = [(name, value) for name, value in request.headers.items() if name not in _OURS]
    outgoing = client.build_request(
        request.method,
        f"/{path}",
        params=request.query_params,
        headers=[*headers, ("authorization", "IBSSO x")],
        content=request.stream() if request.method != "GET" else None,
    )
    answer = await client.send(outgoing, stream=True)
    return StreamingResponse(
        answer.aiter_raw(),
        status_code=answer.status_code,
        headers={"content-type": answer.headers["content-type"]},
        background=BackgroundTask(answer.aclose),
    )


@bare.get("/api/infobip/{path:path}")
async def answer(path: str) -> Response:
    """Nothing behind it."""
    del path
    return Response(ANSWER, media_type="application/json")

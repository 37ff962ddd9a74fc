"""A fresh sandbox for every test, in-process or on a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from sandbox.app import create_app
from sandbox.config import SandboxConfig
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.sandbox.client import SandboxClient


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def app() -> FastAPI:
    return create_app(SandboxConfig())


@pytest.fixture
def world(app: FastAPI) -> World:
    world: World = app.state.world
    return world


@pytest.fixture
async def sandbox(app: FastAPI) -> AsyncIterator[SandboxClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9000") as http:
        yield SandboxClient(http)


@pytest.fixture
async def live_sandbox(app: FastAPI) -> AsyncIterator[SandboxClient]:
    """The sandbox under uvicorn, for what only a real connection can show."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = SandboxServer(app)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=base) as http:
        yield SandboxClient(http)
    server.should_exit = True
    await serving

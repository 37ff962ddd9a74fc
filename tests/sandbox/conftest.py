"""A fresh sandbox for every test, in-process or on a real socket."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from sandbox.app import create_app
from sandbox.config import SandboxConfig
from sandbox.world import World
from tests.sandbox.client import SandboxClient
from tests.sandbox.servers import serving


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
    async with serving(app) as base, httpx.AsyncClient(base_url=base) as http:
        yield SandboxClient(http)

"""A uvicorn that ends as soon as it may. Its own takes two tenths of a second, after each test."""

import asyncio
import socket

import uvicorn

_LOOK_EVERY_SECONDS = 0.005


class PromptServer(uvicorn.Server):
    """Ends by the same steps; it only looks more often whether it is time for the next one."""

    async def main_loop(self) -> None:
        await self.on_tick(0)  # which makes the headers
        while not self.should_exit:  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_EVERY_SECONDS)
                for server in self.servers:
                    await server.wait_closed()
        except TimeoutError:
            for task in self.server_state.tasks:
                task.cancel()
        await self.lifespan.shutdown()

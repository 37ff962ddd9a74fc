"""What tests need of WebDriver BiDi, by which Firefox is driven (w3c.github.io/webdriver-bidi)."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.waiting import eventually

ANSWERS_WITHIN_SECONDS = 30
TELL_COMPLAINTS = """tell => {
    addEventListener("securitypolicyviolation", event =>
        tell(`${event.violatedDirective} forbids ${event.blockedURI}`));
    addEventListener("error", event => event.message && tell(event.message));
    addEventListener("unhandledrejection", event => tell(String(event.reason)));
}"""
IS_SEEN = "(selector) => document.querySelector(selector)?.checkVisibility() ?? false"
SHOWS = "(selector, text) => document.querySelector(selector).textContent.includes(text)"
CLICK = "(selector) => document.querySelector(selector).click()"
WINDOW_IN = "(selector) => document.querySelector(selector).contentWindow"
FILL = """(selector, text) => {
    const field = document.querySelector(selector);
    field.value = text;
    field.dispatchEvent(new Event("input", {bubbles: true}));
}"""


class BidiError(Exception):
    """Firefox could not do it, or the script threw."""


class Connection:
    """Commands and their answers over one websocket, and what scripts told in between."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._awaited: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._told: dict[str, list[Any]] = {}
        self._reader = asyncio.create_task(self._read())

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a command. Raises BidiError."""
        number = next(self._numbers)
        answer = self._awaited[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
            return await asyncio.wait_for(answer, ANSWERS_WITHIN_SECONDS)
        except (ConnectionClosed, TimeoutError) as error:
            raise BidiError(f"Firefox did not answer to {method}") from error
        finally:
            del self._awaited[number]

    def told(self, channel: str) -> list[Any]:
        """What scripts have said on this channel so far."""
        return self._told.get(channel, [])

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self._socket:
                self._receive(json.loads(text))
        for answer in self._awaited.values():
            if not answer.done():
                answer.set_exception(BidiError("Firefox is gone"))

    def _receive(self, message: dict[str, Any]) -> None:
        if message["type"] == "event":
            params = message["params"]
            self._told.setdefault(params["channel"], []).append(params["data"].get("value"))
        elif (answer := self._awaited.get(message["id"])) and not answer.done():
            if message["type"] == "success":
                answer.set_result(message["result"])
            else:
                answer.set_exception(BidiError(f"{message['error']}: {message['message']}"))


class Frame:
    """A tab, or a frame in it, wherever it goes."""

    def __init__(self, connection: Connection, context: str) -> None:
        self._connection = connection
        self._context = context

    async def run(self, function: str, *arguments: Any) -> Any:
        """What a JavaScript function returns here. Raises BidiError when it throws."""
        as_json = f"(all) => Promise.resolve(({function})(...JSON.parse(all))).then(JSON.stringify)"
        returned = await self._call(as_json, {"type": "string", "value": json.dumps(arguments)})
        return json.loads(returned["value"]) if "value" in returned else None

    async def until(self, function: str, *arguments: Any, within_seconds: float = 15) -> None:
        """Wait until a JavaScript function returns something true, also in a later document."""

        async def is_so() -> bool:
            try:
                return bool(await self.run(function, *arguments))
            except BidiError:  # on its way to the next document, or not yet that far
                return False

        because = f"never true: {function} {arguments}"
        try:
            await eventually(is_so, within_seconds=within_seconds, because=because)
        except AssertionError as error:
            error.add_note(await self._describe())
            raise

    async def seen(self, selector: str) -> None:
        """Wait until there is such an element to be seen."""
        await self.until(IS_SEEN, selector)

    async def shows(self, selector: str, text: str) -> None:
        """Wait until such an element has this text in it."""
        await self.until(SHOWS, selector, text)

    async def fill(self, selector: str, text: str) -> None:
        await self.run(FILL, selector, text)

    async def click(self, selector: str) -> None:
        """Click with what a person's click allows, such as opening a tab."""
        await self._call(CLICK, {"type": "string", "value": selector}, by_a_person=True)

    async def frame(self, selector: str) -> "Frame":
        """The frame in the first such element."""
        window = await self._call(WINDOW_IN, {"type": "string", "value": selector})
        return Frame(self._connection, window["value"]["context"])

    async def _call(
        self, function: str, argument: dict[str, Any], *, by_a_person: bool = False
    ) -> dict[str, Any]:
        done = await self._connection.command(
            "script.callFunction",
            functionDeclaration=function,
            arguments=[argument],
            target={"context": self._context},
            awaitPromise=True,
            userActivation=by_a_person,
        )
        if done["type"] == "exception":
            raise BidiError(done["exceptionDetails"]["text"])
        result: dict[str, Any] = done["result"]
        return result

    async def _describe(self) -> str:
        try:
            return str(await self.run("() => `${location.href}\\n${document.body.innerText}`"))
        except BidiError as error:
            return str(error)


class Tab(Frame):
    """A tab of a person who has never been anywhere: its cookies and storage are its own."""

    def __init__(self, connection: Connection, context: str, *, person: str) -> None:
        super().__init__(connection, context)
        self._person = person

    async def goto(self, url: str) -> None:
        """Go there, and wait until the page is loaded with all its frames."""
        await self._connection.command(
            "browsingContext.navigate", context=self._context, url=url, wait="complete"
        )

    async def opened(self) -> Frame:
        """The other tab, which a click in this one has opened."""
        found: list[str] = []

        async def is_there() -> bool:
            tree = await self._connection.command("browsingContext.getTree")
            found.extend(
                each["context"]
                for each in tree["contexts"]
                if each["userContext"] == self._person and each["context"] != self._context
            )
            return bool(found)

        await eventually(is_there, because="no tab was opened")
        return Frame(self._connection, found[0])


class Browser:
    """A browser that is being driven."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def tab(self) -> AsyncIterator[Tab]:
        """A tab; nothing in it may violate the content security policy or throw."""
        command = self._connection.command
        person = (await command("browser.createUserContext"))["userContext"]
        await command(
            "script.addPreloadScript",
            functionDeclaration=TELL_COMPLAINTS,
            arguments=[{"type": "channel", "value": {"channel": person}}],
            userContexts=[person],
        )
        opened = await command("browsingContext.create", type="tab", userContext=person)
        try:
            yield Tab(self._connection, opened["context"], person=person)
        finally:
            await command("browser.removeUserContext", userContext=person)
        assert self._connection.told(person) == []


@asynccontextmanager
async def driving(url: str) -> AsyncIterator[Browser]:
    """Drive the browser that listens there."""
    async with connect(f"{url}/session", proxy=None, max_size=None, ping_interval=None) as socket:
        connection = Connection(socket)
        await connection.command("session.new", capabilities={})
        await connection.command("session.subscribe", events=["script.message"])
        yield Browser(connection)

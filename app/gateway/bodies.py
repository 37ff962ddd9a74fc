"""A request's body on its way to Infobip: kept where it is small, else passed on as it comes."""

from collections.abc import AsyncIterable, AsyncIterator

LARGEST_KEPT_BYTES = 65_536


class Body:
    """`length` is what its sender declared, None where it comes in chunks of no known number."""

    def __init__(self, pieces: AsyncIterable[bytes], *, length: int | None) -> None:
        self.length = length
        self._pieces = pieces

    @property
    def is_small(self) -> bool:
        """Whether it can be kept, to be sent a second time."""
        return self.length is not None and self.length <= LARGEST_KEPT_BYTES

    async def kept(self) -> bytes:
        """All of it. Raises what its sender's misbehaviour raises."""
        return b"".join([piece async for piece in self._pieces])

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._pieces)

"""One thing after the other until Infobip accepts the client that we say we are."""

from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Generic, TypeVar

import structlog

from app.infobip.errors import ClientRefused

log = structlog.get_logger(__name__)

Proof = TypeVar("Proof")
Outcome = TypeVar("Outcome")


class InTurn(Generic[Proof]):
    """Proofs of who we are, of which any may be the right one: the one that was accepted last
    comes first."""

    def __init__(self, proofs: Sequence[Proof], *, of: str) -> None:
        self._proofs = tuple(proofs)
        self._of = of
        self._order = tuple(range(len(self._proofs)))

    async def until_accepted(
        self, attempt: Callable[[Proof, float], Awaitable[Outcome]], *, within_seconds: float
    ) -> Outcome:
        """Try one after the other; each attempt is told how many seconds are left for it.

        Whoever is refused as a client has used up nothing: who asks is looked at first (RFC 6749,
        3.2.1). Raises ClientRefused where all are refused, and what else an attempt raises.
        """
        order, left = self._order, within_seconds
        ends = monotonic() + within_seconds
        for number in order:
            try:
                outcome = await attempt(self._proofs[number], left)
            except ClientRefused:
                left = ends - monotonic()
                if number == order[-1] or left <= 0:
                    raise
            else:
                self._accepted(number, order)
                return outcome
        raise AssertionError("there is always one to try")

    def _accepted(self, number: int, order: tuple[int, ...]) -> None:
        """Only who was refused looks for another: answers that come late change nothing back."""
        if number == order[0] or number == self._order[0]:
            return
        self._order = (number, *(other for other in order if other != number))
        log.warning("client_secret_refused", of=self._of, refused=order[0] + 1, accepted=number + 1)

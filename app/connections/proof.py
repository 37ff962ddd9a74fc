"""Which flow under way a browser's proof belongs to. Taking it is once, and for one browser."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from app.errors.sign_in import FlowUnknown, WrongBrowser
from app.infobip.pkce import digest_of
from app.models.audit import BROWSER, Action, Deed
from app.models.flow import Activation, EmbeddedLoad, Flow, KeptIn
from app.models.identifiers import FlowId, LinkId
from app.security.secrets import token_hash
from app.store.audit import AuditStore
from app.store.database import Database
from app.store.flows import FlowStore, StoredFlow

Outcome = Literal["choose", "page", "wrong_browser"]


class NeedsPage(Exception):
    """A callback that cannot be completed by itself; the page that it lands on may know more.

    `choose`: several loads with one state are under way in this browser; the page knows which it
    is. `page`: the page keeps the proof. `wrong_browser`: this browser brings no proof at all,
    because it did not begin the flow or keeps no cookies.
    """

    def __init__(self, outcome: Outcome, load: EmbeddedLoad | None) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.load = load


@dataclass(frozen=True, slots=True)
class Taken:
    """A flow that is nobody else's any more, and the secret that proved it."""

    flow: Flow
    secret: str = field(repr=False)


class Proofs:
    """What browsers bring, against the flows that are under way."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def take(
        self,
        state: str,
        secrets: Sequence[str],
        kept_in: KeptIn,
        *,
        flow_id: FlowId | None = None,
        undecided: Callable[[Sequence[StoredFlow], Sequence[Flow]], bool] = lambda *_: False,
    ) -> Taken:
        """Take the flow of this state that one of these secrets proves; each is taken once.

        `flow_id` says which, where that is known; else the oldest, unless that is `undecided`.
        Raises NeedsPage or FlowUnknown; nothing is taken then.
        """
        state_hash = token_hash(state)
        by_hash = {digest_of(secret): secret for secret in secrets}
        async with self._database.transaction() as tx:
            store = FlowStore(tx)
            proven = await store.proven(
                state_hash=state_hash, proof_hashes=list(by_hash), kept_in=kept_in
            )
            pending = await store.pending(state_hash=state_hash)
            if flow_id is not None:
                proven = [stored for stored in proven if stored.flow.id == flow_id]
            elif undecided(proven, pending):
                raise NeedsPage("choose", _load_of(_in_page(pending) or proven[0].flow))
            for stored in proven:
                taken = await store.consume(
                    state_hash=state_hash,
                    proof_hashes=list(by_hash),
                    kept_in=kept_in,
                    flow_id=stored.flow.id,
                )
                if taken is not None:
                    return Taken(taken.flow, by_hash[taken.proof_hash])
            pending = await store.pending(state_hash=state_hash)
            refused = await store.refuse_links(state_hash=state_hash)
            await AuditStore(tx).add(*(_wrong_browser(link_id) for link_id in refused))
        raise _nothing_proven(pending)


@contextmanager
def page_asked() -> Iterator[None]:
    """It was the page that asked, so there is none that could know more."""
    try:
        yield
    except NeedsPage as error:
        raise WrongBrowser from error


def _nothing_proven(pending: Sequence[Flow]) -> Exception:
    """An activation's state is ours: whatever else claims it is somebody's trick."""
    if not pending:
        return FlowUnknown()
    if any(isinstance(flow.purpose, Activation) for flow in pending):
        return NeedsPage("wrong_browser", None)
    if in_page := _in_page(pending):
        return NeedsPage("page", _load_of(in_page))
    return NeedsPage("wrong_browser", _load_of(pending[0]))


def undecided_by_browser(proven: Sequence[StoredFlow], pending: Sequence[Flow]) -> bool:
    """Whether this may be the callback of another load than the one that would be taken.

    Taking the wrong one leaves nothing for the other, which may bring its own secret alone.
    """
    proofs = {stored.proof_hash for stored in proven}
    return len(proofs) > 1 or (len(proofs) == 1 and _in_page(pending) is not None)


def _in_page(pending: Sequence[Flow]) -> Flow | None:
    """The newest of those whose page keeps the proof."""
    return next((flow for flow in pending if flow.kept_in is KeptIn.PAGE), None)


def undecided_by_challenge(proven: Sequence[StoredFlow], _: Sequence[Flow]) -> bool:
    """Whether the code belongs to one of several challenges; without one, any flow will do."""
    return len({stored.proof_hash for stored in proven if stored.flow.challenged}) > 1


def _load_of(flow: Flow) -> EmbeddedLoad | None:
    return flow.purpose if isinstance(flow.purpose, EmbeddedLoad) else None


def _wrong_browser(link_id: LinkId) -> Deed:
    return Deed(BROWSER, Action.WRONG_BROWSER, None, {"linkId": str(link_id)})

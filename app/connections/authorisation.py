"""Beginning and completing an authorisation: from Infobip's `state` to a stored token.

What binds the two halves is a secret that the browser keeps: in a cookie of its own for each
flow, or, where browsers keep no cookies in frames, with the page. The callback is good only
together with it, and only once. So two loads with the same `state` at the same time are two
flows, and both work.

The secret is a PKCE verifier as well, so where PKCE is asked for nothing more has to be kept:
the database has the secret's SHA-256, which is the challenge.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import structlog

from app.clock import Clock
from app.connections.linking import LinkingRefused, judge_linking
from app.connections.proof import (
    Proofs,
    Taken,
    page_asked,
    undecided_by_browser,
    undecided_by_challenge,
)
from app.connections.trouble import passing_trouble
from app.connections.vault import Vault
from app.errors import HearthError
from app.errors.sign_in import (
    AccessDeclined,
    AuthorizeFailed,
    ClientNotAccepted,
    CodeRefused,
    LinkUnknown,
)
from app.infobip.answers import Identity, Token
from app.infobip.errors import ClientRefused, GrantRefused, InfobipError
from app.infobip.oauth import OAuth
from app.infobip.pkce import challenge_of, digest_of, new_verifier
from app.models.audit import BROWSER, Action, Deed
from app.models.connection import Group, Profile, Role
from app.models.flow import FLOW_SECONDS, Activation, EmbeddedLoad, Flow, KeptIn
from app.models.identifiers import ConnectionId, FlowId
from app.models.link import ActivationLink
from app.security.secrets import random_token, token_hash
from app.store.audit import AuditStore
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.flows import FlowStore
from app.store.linking import LinkingStore
from app.store.links import LinkStore
from app.store.tokens import TokenStore

log = structlog.get_logger(__name__)

_EXCHANGES_AT_ONCE = 32
"""Anybody can begin a load and come back with a made-up code; Infobip is not to notice much."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser. It has to bring back `browser_secret`, if we made that."""

    flow_id: FlowId
    authorize_url: str = field(repr=False)
    browser_secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Completed:
    """Who was proven to sit at this browser, and what the flow was for.

    `external_id` is the name that an activation link linked them to.
    """

    connection_id: ConnectionId
    profile: Profile
    external_id: str | None
    flow: Flow
    browser_secret: str = field(repr=False)


class Authorisations:
    """The flows of one app. `pkce` asks for a challenge also where the page keeps no proof."""

    def __init__(
        self, *, database: Database, oauth: OAuth, vault: Vault, clock: Clock, pkce: bool
    ) -> None:
        self._database = database
        self._oauth = oauth
        self._vault = vault
        self._clock = clock
        self._pkce = pkce
        self._proofs = Proofs(database=database)
        self._exchanges = asyncio.Semaphore(_EXCHANGES_AT_ONCE)

    async def begin(
        self, load: EmbeddedLoad, *, state: str | None, browser_secrets: Sequence[str] = ()
    ) -> Begun:
        """Remember a load; `state` is Infobip's, or None when it sent none.

        Where this browser has a load of the same state under way, such as before a reload, it uses
        that one's secret again: either callback then fits either load, and its challenge.
        """
        async with self._database.transaction() as tx:
            store = FlowStore(tx)
            secret = None
            if state and browser_secrets:
                secret = await _secret_in_use(store, state, browser_secrets)
            return await self._remember(store, load, state=state, secret=secret or new_verifier())

    async def begin_in_page(
        self, load: EmbeddedLoad, *, state: str | None, proof_hash: bytes
    ) -> Begun:
        """Remember a load whose page keeps the verifier; `proof_hash` is its challenge's bytes."""
        async with self._database.transaction() as tx:
            return await self._remember(FlowStore(tx), load, state=state, proof_hash=proof_hash)

    async def begin_activation(
        self, activation: Activation, *, store: FlowStore, scopes: Sequence[str], secret: str
    ) -> Begun:
        """Remember an activation in the caller's transaction; its state is ours."""
        return await self._remember(store, activation, state=None, secret=secret, scopes=scopes)

    async def complete(
        self,
        *,
        state: str,
        code: str,
        browser_secrets: Sequence[str],
        page_may_choose: bool,
        on_taken: Callable[[Flow], None],
    ) -> Completed:
        """Prove the browser, take the flow, trade the code, store the connection; in this order.

        `browser_secrets` is what the browser brought: one for each flow under way. `on_taken` hears
        which it was, whatever becomes of it.
        `page_may_choose`: it can show a page that knows which of several it is. Else the oldest
        is taken, where any will do.
        Raises NeedsPage, FlowUnknown, CodeRefused, ClientNotAccepted, InfobipUnreachable,
        InfobipTimeout, InfobipThrottled, LinkUsed, WrongAccount, AlreadyLinked or
        DatabaseUnavailable; a flow that was taken stays taken, and nothing else is stored.
        """
        undecided = undecided_by_browser if page_may_choose else undecided_by_challenge
        taken = await self._proofs.take(state, browser_secrets, KeptIn.COOKIE, undecided=undecided)
        on_taken(taken.flow)
        return await self._trade(taken, code)

    async def complete_chosen(
        self, *, state: str, code: str, browser_secrets: Sequence[str], flow_id: FlowId | None
    ) -> Completed:
        """The same, where a page says which of several flows it is, or that it cannot know.

        Raises WrongBrowser instead of NeedsPage.
        """
        with page_asked():
            taken = await self._proofs.take(state, browser_secrets, KeptIn.COOKIE, flow_id=flow_id)
        return await self._trade(taken, code)

    async def complete_in_page(self, *, state: str, code: str, verifier: str) -> Completed:
        """The same, where the page kept the proof. Raises WrongBrowser instead of NeedsPage."""
        with page_asked():
            taken = await self._proofs.take(state, [verifier], KeptIn.PAGE)
        return await self._trade(taken, code)

    async def fail(self, *, state: str, error: str, browser_secrets: Sequence[str]) -> HearthError:
        """Take the flow that Authorize sent back with an error; what to tell the person.

        Raises NeedsPage or FlowUnknown.
        """
        taken = await self._proofs.take(state, browser_secrets, KeptIn.COOKIE)
        declined = error == "access_denied"
        await self._let_go(taken, _declined(taken.flow) if declined else None)
        return AccessDeclined() if declined else AuthorizeFailed()

    async def _remember(
        self,
        store: FlowStore,
        purpose: EmbeddedLoad | Activation,
        *,
        state: str | None,
        secret: str | None = None,
        proof_hash: bytes = b"",
        scopes: Sequence[str] = (),
    ) -> Begun:
        state = state or random_token("")
        kept_in = KeptIn.PAGE if secret is None else KeptIn.COOKIE
        proof_hash = proof_hash if secret is None else digest_of(secret)
        challenged = self._pkce or kept_in is KeptIn.PAGE
        flow = Flow(FlowId(uuid4()), purpose, kept_in, challenged)
        await store.add(
            flow, state_hash=token_hash(state), proof_hash=proof_hash, life_seconds=FLOW_SECONDS
        )
        challenge = challenge_of(proof_hash) if challenged else None
        url = self._oauth.authorize_url(state=state, challenge=challenge, scopes=scopes)
        return Begun(flow.id, url, secret)

    async def _trade(self, taken: Taken, code: str) -> Completed:
        sent = self._clock.monotonic()
        verifier = taken.secret if taken.flow.challenged else None
        try:
            async with self._exchanges:
                token, identity = await self._oauth.exchange(code, verifier=verifier)
        except InfobipError as error:
            log.warning("code_exchange_failed", reason=error.reason, error=str(error))
            await self._let_go(taken)
            raise _exchange_error(error) from error
        profile = _profile(identity)
        try:
            connection_id, link = await self._store(taken.flow, token, profile, sent=sent)
        except LinkingRefused as refused:
            await self._let_go(taken, refused.deed)
            raise refused.error from refused
        log.info("connected", connection_id=str(connection_id))
        external_id = link.external_id if link else None
        return Completed(connection_id, profile, external_id, taken.flow, taken.secret)

    async def _store(
        self, flow: Flow, token: Token, profile: Profile, *, sent: float
    ) -> tuple[ConnectionId, ActivationLink | None]:
        """One transaction: the link is judged and used up where the connection is made."""
        async with self._database.transaction() as tx:
            connections = ConnectionStore(tx)
            links = LinkStore(tx)
            link = None
            if isinstance(flow.purpose, Activation) and flow.purpose.link_id is not None:
                link = await links.lock(flow.purpose.link_id)
                if link is None:
                    raise LinkingRefused(LinkUnknown(), None)
                await judge_linking(LinkingStore(tx), link, profile)
            connection_id = await connections.connect(
                ConnectionId(uuid4()), profile, external_id=link.external_id if link else None
            )
            age = self._clock.monotonic() - sent
            await TokenStore(tx).begin_grant(
                connection_id,
                self._vault.seal(connection_id, token.authorization),
                age=age,
                left=token.life_seconds - age,
            )
            await connections.tell(connection_id)
            if link is not None:
                await links.use(link.id, connection_id)
            if isinstance(flow.purpose, Activation):
                await AuditStore(tx).add(_linked(connection_id, link, profile))
        return connection_id, link

    async def _let_go(self, taken: Taken, deed: Deed | None = None) -> None:
        """Nothing came of an activation: its link is free for whoever has it."""
        if not isinstance(taken.flow.purpose, Activation):
            return
        async with self._database.transaction() as tx:
            if taken.flow.purpose.link_id is not None:
                links = LinkStore(tx)
                await links.release(taken.flow.purpose.link_id, by_hash=digest_of(taken.secret))
            if deed is not None:
                await AuditStore(tx).add(deed)


async def _secret_in_use(store: FlowStore, state: str, secrets: Sequence[str]) -> str | None:
    by_hash = {digest_of(secret): secret for secret in secrets}
    under_way = await store.proven(
        state_hash=token_hash(state), proof_hashes=list(by_hash), kept_in=KeptIn.COOKIE
    )
    return by_hash[under_way[-1].proof_hash] if under_way else None


def _declined(flow: Flow) -> Deed:
    link_id = flow.purpose.link_id if isinstance(flow.purpose, Activation) else None
    return Deed(BROWSER, Action.ACTIVATION_DECLINED, None, {"linkId": str(link_id or "")})


def _linked(connection_id: ConnectionId, link: ActivationLink | None, profile: Profile) -> Deed:
    details = {
        "linkId": str(link.id) if link else "",
        "externalId": (link.external_id if link else None) or "",
        "accountKey": profile.account_key or "",
        "userKey": profile.user_key or "",
    }
    return Deed(BROWSER, Action.LINK_USED if link else Action.CONNECTED, connection_id, details)


def _profile(identity: Identity) -> Profile:
    return Profile(
        account_key=identity.account_key,
        user_key=identity.user_key,
        username=identity.username,
        email=identity.email,
        locale=identity.locale,
        roles=tuple(Role(item.id, item.name) for item in identity.roles),
        groups=tuple(Group(item.id, item.name) for item in identity.groups),
    )


def _exchange_error(error: InfobipError) -> HearthError:
    match error:
        case GrantRefused():
            return CodeRefused()
        case ClientRefused():
            return ClientNotAccepted()
        case _:
            return passing_trouble(error)

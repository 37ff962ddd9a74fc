"""Activation links: made by an operator, begun by one browser, used once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from app.connections.authorisation import Authorisations, Begun
from app.errors.administration import ConnectionUnknown
from app.errors.sign_in import LinkExpired, LinkInUse, LinkUnknown, LinkUsed
from app.infobip.pkce import digest_of, new_verifier
from app.models.audit import Action, Deed
from app.models.connection import Connection, ConnectionType
from app.models.flow import Activation
from app.models.identifiers import ConnectionId, LinkId
from app.models.link import ActivationLink, LinkStatus
from app.security.secrets import random_token, token_hash
from app.store.audit import AuditStore
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.flows import FlowStore
from app.store.links import LinkStore

_TOKEN_PREFIX = "hearth_l_"  # noqa: S105 - the public part of links


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A new link, and its token, which nobody can read anywhere again."""

    link: ActivationLink
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A link that may be gone on with. `reconnects` is the connection that it is for.

    `came_back`: this browser was on its way to Infobip with it, and nothing came of that.
    """

    link: ActivationLink
    reconnects: Connection | None
    came_back: bool


class ActivationLinks:
    """The links of a deployment."""

    def __init__(self, *, database: Database, authorisations: Authorisations) -> None:
        self._database = database
        self._authorisations = authorisations

    async def create(
        self,
        *,
        external_id: str | None,
        for_connection: ConnectionId | None,
        return_to: str | None,
        scopes: Sequence[str],
        life_seconds: float,
        created_by: str,
    ) -> MadeLink:
        """`return_to` is a judged address. Raises ConnectionUnknown, also for an API key's.

        A link for a connection is for whom that one is linked to, unless it says otherwise.
        """
        token = random_token(_TOKEN_PREFIX)
        async with self._database.transaction() as tx:
            if for_connection is not None:
                connection = await ConnectionStore(tx).get(for_connection)
                if connection is None or connection.type is not ConnectionType.OAUTH:
                    raise ConnectionUnknown
                external_id = external_id or connection.external_id
            link = await LinkStore(tx).add(
                LinkId(uuid4()),
                token_hash=token_hash(token),
                external_id=external_id,
                for_connection=for_connection,
                return_to=return_to,
                scopes=scopes,
                created_by=created_by,
                life_seconds=life_seconds,
            )
            details = {"linkId": str(link.id), "externalId": external_id or ""}
            await AuditStore(tx).add(Deed(created_by, Action.LINK_CREATED, for_connection, details))
        return MadeLink(link, token)

    async def open(self, token: str, *, browser_secrets: Sequence[str]) -> OpenedLink:
        """What the link is for. Raises LinkUnknown, LinkUsed, LinkExpired or LinkInUse."""
        async with self._database.transaction() as tx:
            links = LinkStore(tx)
            link = await links.find(token_hash=token_hash(token))
            begun_by = await links.begun_by(token_hash=token_hash(token))
            came_back = begun_by in {digest_of(secret) for secret in browser_secrets}
            link = _open(link, elsewhere=begun_by is not None and not came_back)
            reconnects = None
            if link.for_connection is not None:
                reconnects = await ConnectionStore(tx).get(link.for_connection)
        return OpenedLink(link, reconnects, came_back)

    async def begin(
        self, token: str | None, *, return_to: str | None, browser_secrets: Sequence[str]
    ) -> Begun:
        """The person asked to go on: on to Authorize, this browser and no other.

        Without a link, for our own site, `return_to` is a judged address. Raises as `open`.
        """
        secret = new_verifier()
        known = [digest_of(one) for one in browser_secrets]
        async with self._database.transaction() as tx:
            flows = FlowStore(tx)
            if token is None:
                return await self._authorisations.begin_activation(
                    Activation(None, return_to), store=flows, scopes=(), secret=secret
                )
            links, hashed = LinkStore(tx), token_hash(token)
            claimed = await links.claim(
                token_hash=hashed, by_hash=digest_of(secret), known_hashes=known
            )
            link = await links.find(token_hash=hashed)
            link = _open(link, elsewhere=claimed is None)
            return await self._authorisations.begin_activation(
                Activation(link.id, link.return_to), store=flows, scopes=link.scopes, secret=secret
            )

    async def withdraw(self, link_id: LinkId, *, actor: str) -> None:
        """Nobody gets any further with it, wherever they are. Raises LinkUnknown or LinkUsed."""
        async with self._database.transaction() as tx:
            links = LinkStore(tx)
            link = await links.lock(link_id)
            if link is None:
                raise LinkUnknown("No activation link has this id.")
            if link.status is LinkStatus.USED:
                raise LinkUsed("It was used already. Disconnect the connection that came of it.")
            await links.remove(link_id)
            details = {"linkId": str(link_id), "externalId": link.external_id or ""}
            deed = Deed(actor, Action.LINK_WITHDRAWN, link.for_connection, details)
            await AuditStore(tx).add(deed)

    async def list_newest(self, *, before: LinkId | None, limit: int) -> list[ActivationLink]:
        """The newest first; `before` is the last one of the page before. Raises LinkUnknown."""
        async with self._database.transaction() as tx:
            links = LinkStore(tx)
            last = None
            if before is not None:
                last = await links.get(before)
                if last is None:
                    raise LinkUnknown
            return await links.list_newest(before=last, limit=limit)


def _open(link: ActivationLink | None, *, elsewhere: bool) -> ActivationLink:
    if link is None:
        raise LinkUnknown
    if link.status is LinkStatus.USED:
        raise LinkUsed
    if link.status is LinkStatus.EXPIRED:
        raise LinkExpired
    if elsewhere:
        raise LinkInUse
    return link

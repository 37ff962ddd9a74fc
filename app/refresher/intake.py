"""Taking in what others did: tokens of shards that became ours, connections made or ended."""

from collections.abc import Callable, Collection, Sequence

import structlog

from app.connections.live import LiveToken, LiveTokens
from app.connections.vault import Vault
from app.models.identifiers import ConnectionId, Shard, shard_of
from app.models.token import SealedToken
from app.refresher.shares import Shares
from app.security.sealing import Unsealable
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.tokens import TokenStore

log = structlog.get_logger(__name__)


class Intake:
    """Fills the live tokens from the database; `on_new` is told of each that was taken in."""

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        live: LiveTokens,
        shares: Shares,
        on_new: Callable[[LiveToken], None],
    ) -> None:
        self._database = database
        self._vault = vault
        self._live = live
        self._shares = shares
        self._on_new = on_new

    async def load_shards(self, shards: Collection[Shard]) -> None:
        """Take in all tokens of these shards, nearest expiry first, piece by piece.

        Those that died while nobody renewed them are marked as lost.
        """
        loaded = 0
        async with self._database.transaction() as tx:
            store = TokenStore(tx)
            overdue = await store.lose_overdue(list(shards))
            async for tokens in store.load_shards(list(shards)):
                self._take_in(tokens)
                loaded += len(tokens)
        for connection_id in overdue:
            log.warning("connection_lost", connection_id=str(connection_id), cause="not_renewed")
        log.info("shards_loaded", shards=len(shards), tokens=loaded, overdue=len(overdue))

    async def look_again(self, ids: Collection[ConnectionId]) -> None:
        """Take in these connections as they are now, as far as they are ours to renew."""
        ours = [one for one in ids if shard_of(one) in self._shares.held]
        if not ours:
            return
        async with self._database.transaction() as tx:
            ended = await ConnectionStore(tx).not_active(ours)
            tokens = await TokenStore(tx).load(ours)
        for connection_id in ended:
            self._live.discard(connection_id)
        self._take_in(tokens)

    async def look_at_changes(self, *, within_seconds: float) -> None:
        """The poll behind the announcements, for those that never arrived."""
        async with self._database.statement() as tx:
            changed = await ConnectionStore(tx).changed_within(within_seconds)
        await self.look_again(changed)

    def _take_in(self, tokens: Sequence[SealedToken]) -> None:
        for sealed in tokens:
            try:
                token = self._live.put(self._vault.open(sealed))
            except Unsealable as error:
                log.error(
                    "token_unsealable", connection_id=str(sealed.connection_id), error=str(error)
                )
                continue
            if token is not None:
                self._on_new(token)

"""Taking in what others did: tokens of shards that became ours, connections made or ended."""

from collections.abc import Callable, Collection, Sequence

import structlog

from app.clock import Clock
from app.connections.live import LiveToken, LiveTokens
from app.connections.vault import Vault
from app.models.connection import LossCause
from app.models.identifiers import ConnectionId, Shard, shard_of
from app.models.token import Loss, SealedToken, grant_of
from app.refresher.shares import Shares
from app.refresher.stats import Stats
from app.security.sealing import Unsealable
from app.store.connections import ConnectionStore
from app.store.database import Database, seen_at_one_moment
from app.store.renewals import RenewalRequests, Wanted
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
        clock: Clock,
        stats: Stats,
        on_new: Callable[[LiveToken], None],
    ) -> None:
        self._database = database
        self._vault = vault
        self._live = live
        self._shares = shares
        self._clock = clock
        self._stats = stats
        self._on_new = on_new

    async def load_shards(self, shards: Collection[Shard]) -> None:
        """Take in all tokens of these shards, nearest expiry first, piece by piece.

        What is dead is lost. Both are seen at one moment: whoever had the shards before may be
        writing down what it renewed, and nothing of that may fall between two looks.
        """
        loaded = 0
        async with self._database.transaction() as tx:
            await seen_at_one_moment(tx)
            asked_at = self._clock.monotonic()
            async for tokens in TokenStore(tx).load_shards(list(shards)):
                self._take_in(self._still_ours(tokens), as_of=asked_at)
                loaded += len(tokens)
            overdue = await TokenStore(tx).overdue(list(shards), by_seconds=0)
        lost = await self._lose(overdue)
        log.info("shards_loaded", shards=len(shards), tokens=loaded, overdue=lost)

    async def newer_here(self, tokens: Sequence[LiveToken]) -> list[LiveToken]:
        """Those of which the database has an older generation.

        It missed what we renewed while we were out of touch, or came back as it was before.
        """
        shards = {token.shard for token in tokens}
        if not shards:
            return []
        async with self._database.transaction() as tx:
            stored = await TokenStore(tx).generations(list(shards))
        return [
            token
            for token in tokens
            if stored.get(token.connection_id, token.generation) < token.generation
        ]

    async def lose_overdue(self, shards: Collection[Shard], *, by_seconds: float) -> None:
        """Mark those as lost whose stored token is dead for so long."""
        async with self._database.statement() as tx:
            overdue = await TokenStore(tx).overdue(list(shards), by_seconds=by_seconds)
        await self._lose(overdue)

    async def _lose(self, overdue: Sequence[Loss]) -> int:
        """How many of these are lost, as nobody here keeps them alive.

        That is what died while nobody was there, and what could not be opened. Should somebody
        yet have a live token: what is written already is taken in, and what is written later
        revives the connection, which is announced.
        """
        dead = [loss for loss in overdue if self._live.get(loss.connection_id) is None]
        if not dead:
            return 0
        async with self._database.statement() as tx:
            lost = await TokenStore(tx).lose(dead)
        for connection_id in lost:
            self._stats.losses[LossCause.NOT_RENEWED] += 1
            log.warning("connection_lost", connection_id=str(connection_id), cause="not_renewed")
        await self.look_again({loss.connection_id for loss in dead} - lost)
        return len(lost)

    async def look_again(
        self, ids: Collection[ConnectionId], *, overtaken: Collection[ConnectionId] = ()
    ) -> None:
        """Take in these connections as they are now, as far as they are ours to renew.

        `overtaken` are those for which we wrote a renewal that was not newer than what was there.
        """
        ours = [one for one in ids if self._shares.holds(shard_of(one))]
        if not ours:
            return
        async with self._database.transaction() as tx:
            asked_at = self._clock.monotonic()
            ended = await ConnectionStore(tx).not_active(ours)
            tokens = await TokenStore(tx).load(ours)
        for connection_id in ended:
            self._live.discard(connection_id)
        tokens = self._still_ours(tokens)
        self._stats.duplicates += sum(
            token.connection_id in overtaken and self._is_same_grant(token) for token in tokens
        )
        self._take_in(tokens, as_of=asked_at)

    async def requests(self) -> list[Wanted]:
        """Renewals that others want of us; each is handed out once."""
        async with self._database.statement() as tx:
            wanted = await RenewalRequests(tx).take(self._shares.held())
        await self.look_again([one.connection_id for one in wanted])  # some may be new
        return wanted

    async def changed(self, *, within_seconds: float) -> list[ConnectionId]:
        """The poll behind the announcements, for those that never arrived."""
        async with self._database.statement() as tx:
            return await ConnectionStore(tx).changed_within(within_seconds)

    def _is_same_grant(self, stored: SealedToken) -> bool:
        """Whether it was somebody else's renewal, not a person, that came before ours."""
        ours = self._live.get(stored.connection_id)
        return ours is not None and grant_of(ours.generation) == grant_of(stored.generation)

    def _still_ours(self, tokens: Sequence[SealedToken]) -> list[SealedToken]:
        """Some may have become somebody else's while we asked: then both would renew them."""
        return [one for one in tokens if self._shares.holds(shard_of(one.connection_id))]

    def _take_in(self, tokens: Sequence[SealedToken], *, as_of: float) -> None:
        for sealed in tokens:
            try:
                token = self._live.put(self._vault.open(sealed), as_of=as_of)
            except Unsealable as error:
                log.error(
                    "token_unsealable", connection_id=str(sealed.connection_id), error=str(error)
                )
                continue
            if token is not None:
                self._on_new(token)

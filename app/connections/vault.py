"""Where tokens are sealed for the database and opened again."""

from collections.abc import Sequence
from uuid import UUID

from app.connections.live import LiveToken
from app.models.identifiers import ConnectionId
from app.models.token import OpenToken, SealedToken
from app.security.sealing import SealingKeys

_PLACE = {"table": "tokens", "purpose": "authorization"}
_API_KEY_PLACE = {"table": "connections", "purpose": "api_key"}


class Vault:
    """Seals the value of the Authorization header, or an API key, bound to its connection's row."""

    def __init__(self, *, keys: SealingKeys) -> None:
        self._keys = keys

    def seal(self, connection_id: ConnectionId, authorization: str) -> bytes:
        return self._keys.seal(authorization.encode(), row=connection_id.bytes, **_PLACE)

    def seal_all(self, tokens: Sequence[LiveToken]) -> list[bytes]:
        """As `seal`; of thousands a second it takes two thirds of the time."""
        values = [(token.key, token.authorization.encode()) for token in tokens]
        return self._keys.seal_all(values, **_PLACE)

    def open(self, token: SealedToken) -> OpenToken:
        """Raises Unsealable when the key is missing or the value was not sealed for this row."""
        value = self._keys.open(token.sealed, row=token.connection_id.bytes, **_PLACE)
        return OpenToken(
            connection_id=token.connection_id,
            generation=token.generation,
            authorization=value.decode(),
            age_seconds=token.age_seconds,
            left_seconds=token.left_seconds,
        )

    def seal_api_key(self, connection_id: ConnectionId, api_key: str) -> bytes:
        return self._keys.seal(api_key.encode(), row=connection_id.bytes, **_API_KEY_PLACE)

    def open_api_key(self, connection_id: ConnectionId, sealed: bytes) -> str:
        """Raises Unsealable as `open`."""
        return self._keys.open(sealed, row=connection_id.bytes, **_API_KEY_PLACE).decode()

    @property
    def newest_key_id(self) -> bytes:
        """What stands before every value that is sealed under the newest key."""
        return self._keys.newest_id

    def reseal_token(self, connection_id: UUID, sealed: bytes) -> bytes:
        """The same value under the newest key. Raises Unsealable as `open`."""
        return self._reseal(connection_id, sealed, _PLACE)

    def reseal_api_key(self, connection_id: UUID, sealed: bytes) -> bytes:
        """The same value under the newest key. Raises Unsealable as `open`."""
        return self._reseal(connection_id, sealed, _API_KEY_PLACE)

    def _reseal(self, connection_id: UUID, sealed: bytes, place: dict[str, str]) -> bytes:
        value = self._keys.open(sealed, row=connection_id.bytes, **place)
        return self._keys.seal(value, row=connection_id.bytes, **place)

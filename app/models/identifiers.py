"""Names for values that would otherwise all be `str`, `int` or `UUID`."""

from typing import NewType
from uuid import UUID

ConnectionId = NewType("ConnectionId", UUID)
SessionId = NewType("SessionId", UUID)
FlowId = NewType("FlowId", UUID)
LinkId = NewType("LinkId", UUID)
ReplicaId = NewType("ReplicaId", UUID)
Shard = NewType("Shard", int)

SHARD_COUNT = 64
"""Into how many parts the connections are divided for the refreshers. Fixed: it is stored."""


def shard_of(connection_id: ConnectionId) -> Shard:
    """The part that a connection belongs to, for ever: its id's last bits, which are random."""
    return shard_of_key(connection_id.bytes)


def shard_of_key(key: bytes) -> Shard:
    """The same, by the bytes of the id."""
    return Shard(key[-1] % SHARD_COUNT)

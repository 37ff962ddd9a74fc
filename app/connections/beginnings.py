"""How many flows one client may begin: each leaves a row for ten minutes, and anybody may."""

from ipaddress import IPv6Address, ip_address

from app.clock import Clock
from app.errors.sign_in import TooManyFlows

MOST_CLIENTS = 100_000
_WITHIN_SECONDS = 60.0
_ROUNDING_SECONDS = 1e-6
_IPV6_CLIENT_BITS = 64
"""What one household or server gets; single addresses in it are free to whoever has it."""


class Beginnings:
    """So many a minute for each client, and as many at once.

    A client is remembered by the moment at which all that it began is paid off at the steady
    rate (GCRA); who has nothing to pay is forgotten, or who began least recently.
    """

    def __init__(self, *, clock: Clock, per_minute: int, most_clients: int = MOST_CLIENTS) -> None:
        self._clock = clock
        self._each_seconds = _WITHIN_SECONDS / per_minute
        self._most_clients = most_clients
        self._paid_off: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._paid_off)

    def count(self, address: str) -> None:
        """Another one, by who has this address. Raises TooManyFlows; it is not counted then."""
        client, now = client_of(address), self._clock.monotonic()
        paid_off = max(now, self._paid_off.get(client, now)) + self._each_seconds
        if (too_soon := paid_off - now - _WITHIN_SECONDS) > _ROUNDING_SECONDS:
            raise TooManyFlows(retry_after_seconds=int(too_soon) + 1)
        self._paid_off.pop(client, None)
        self._paid_off[client] = paid_off
        self._forget(now)

    def _forget(self, now: float) -> None:
        """The first has begun least recently. Looking at two for each that is added is enough."""
        for _ in range(2):
            first = next(iter(self._paid_off))
            if self._paid_off[first] > now and len(self._paid_off) <= self._most_clients:
                break
            del self._paid_off[first]


def client_of(address: str) -> str:
    """An address, or the network that one client has; what is no address stands for itself."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if not isinstance(ip, IPv6Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(IPv6Address(int(ip) >> _IPV6_CLIENT_BITS << _IPV6_CLIENT_BITS))

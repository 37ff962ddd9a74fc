"""Which hosts a token may be sent to."""

from collections.abc import Collection
from urllib.parse import urlsplit

_SHARED_HOST = "api.infobip.com"


def allowed_api_url(url: str, further_hosts: Collection[str] = ()) -> bool:
    """Whether a token may go to this base URL.

    Documented: every account has a personal host `<personal>.api.infobip.com`. Seen: the
    shared host works too. `further_hosts` (`host` or `host:port`) may also be plain http.
    """
    parts = urlsplit(url)
    if parts.username or parts.query or parts.fragment or not parts.hostname:
        return False
    if parts.netloc in further_hosts:
        return parts.scheme in ("http", "https")
    infobip = parts.hostname == _SHARED_HOST or parts.hostname.endswith("." + _SHARED_HOST)
    return infobip and parts.scheme == "https" and parts.port in (None, 443)

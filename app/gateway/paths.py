"""Paths, read so strictly that what is matched is what is sent."""

import re
from urllib.parse import quote, unquote_to_bytes

from app.errors.requests import MalformedRequest

_LONGEST_PATH_BYTES = 4_096
_PRINTABLE = re.compile(rb"[\x21-\x7e]+")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f/\\%;]")
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")
_UNESCAPED = "-._~!$&'()*+,=:@"

Segments = tuple[str, ...]


def read_path(raw: bytes) -> Segments:
    """The decoded segments of a path such as `/sms/2/text/advanced`.

    Raises MalformedRequest for everything that two servers might read differently: dot
    segments, empty ones, path parameters (`;`), slashes and percent signs in disguise,
    control characters, bytes that are not UTF-8.
    """
    if len(raw) > _LONGEST_PATH_BYTES or not raw.startswith(b"/"):
        raise MalformedRequest("The path is not one that can be forwarded.")
    if not _PRINTABLE.fullmatch(raw) or _BROKEN_ESCAPE.search(raw):
        raise MalformedRequest("The path has characters that must be percent-encoded.")
    return tuple(_segment(part) for part in raw[1:].split(b"/"))


def write_path(segments: Segments) -> str:
    """The one way in which these segments are sent."""
    return "".join(
        f"/{segment if _PLAIN.fullmatch(segment) else quote(segment, safe=_UNESCAPED)}"
        for segment in segments
    )


def _segment(raw: bytes) -> str:
    try:
        segment = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise MalformedRequest("The path is not UTF-8.") from error
    if segment in ("", ".", "..") or _FORBIDDEN.search(segment):
        raise MalformedRequest("The path has a segment that cannot be forwarded.")
    return segment

"""Reading urlencoded bodies strictly."""

from urllib.parse import parse_qsl

from starlette.requests import Request

_LARGEST_BODY = 16_384
_MOST_FIELDS = 32


class FormError(Exception):
    """The body is not an acceptable form; ``status`` is the fitting HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


async def read_form(request: Request) -> dict[str, str]:
    """Read an ``application/x-www-form-urlencoded`` body in which no field comes twice."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        raise FormError(415, "the body must be application/x-www-form-urlencoded")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise FormError(413, "the body is too large")
    return parse_fields(bytes(body))


def parse_fields(encoded: bytes | str) -> dict[str, str]:
    """Parse an urlencoded string; repeated fields, bad UTF-8 and stray text are refused."""
    try:
        text = encoded.decode("ascii") if isinstance(encoded, bytes) else encoded
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            strict_parsing=bool(text),
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise FormError(400, "the fields are not properly urlencoded") from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            raise FormError(400, f"the field {name!r} comes twice")
        fields[name] = value
    return fields

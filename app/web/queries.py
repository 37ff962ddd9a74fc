"""Query strings, read strictly: a browser that plays by the rules never trips over this."""

import re
from urllib.parse import parse_qsl, urlencode

from app.errors.requests import AddressTooLong, MalformedRequest
from app.models.flow import Params

STATE = re.compile(r"[\x20-\x7e]{1,512}", re.ASCII)
# Documented: 16 hexadecimal characters. Anything that is safe to send on is accepted.
CODE = re.compile(r"[\x21-\x7e]{1,512}", re.ASCII)
_LONGEST_BYTES = 4_096
_MOST_PARAMETERS = 64
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def read_query(raw: bytes) -> Params:
    """All parameters in order. Raises AddressTooLong or MalformedRequest."""
    if len(raw) > _LONGEST_BYTES:
        raise AddressTooLong
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise MalformedRequest("The address has parameters that cannot be read.") from error
    return judge_params(tuple(pairs))


def judge_params(params: Params) -> Params:
    """The parameters, if they can be kept. Raises AddressTooLong or MalformedRequest."""
    if any(_CONTROL.search(name) or _CONTROL.search(value) for name, value in params):
        raise MalformedRequest("The address has control characters in its parameters.")
    try:
        written = urlencode(params)
    except UnicodeEncodeError as error:  # half of a surrogate pair
        raise MalformedRequest("The address has parameters that cannot be written.") from error
    if len(written) > _LONGEST_BYTES:  # what we read, we can write and read again
        raise AddressTooLong
    return params


def single(params: Params, name: str, *, form: re.Pattern[str]) -> str | None:
    """The one value of a parameter; None where it is missing or empty.

    Raises MalformedRequest when it is repeated (RFC 6749 §3.1) or not of the given form.
    """
    values = [value for key, value in params if key == name]
    if len(values) > 1:
        raise MalformedRequest(f"The parameter {name} is there more than once.")
    if not values or not values[0]:
        return None
    if not form.fullmatch(values[0]):
        raise MalformedRequest(f"The parameter {name} is malformed.")
    return values[0]


def without(params: Params, name: str) -> Params:
    """All other parameters."""
    return tuple(pair for pair in params if pair[0] != name)


def with_query(path: str, params: Params) -> str:
    """A path with its parameters encoded."""
    return f"{path}?{urlencode(params)}" if params else path

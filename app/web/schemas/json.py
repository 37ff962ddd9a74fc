"""What all our JSON has in common: camelCase, times in UTC, nothing unknown let in."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
)
from pydantic.alias_generators import to_camel


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("Must be a time of this age") from error


Instant = Annotated[datetime, AfterValidator(lambda value: value.astimezone(UTC))]
"""RFC 3339, in UTC."""


def _written_out(value: Any) -> Any:
    """pydantic would take a bare number for seconds since 1970."""
    if not isinstance(value, str) or value[4:5] != "-":
        raise ValueError("Must be a time as in RFC 3339")
    return value


GivenInstant = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
"""RFC 3339, in any time zone, which has to be said."""

Line = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]
"""A short text without control characters, such as the operator's name for something."""


def _no_other_than_a_number(value: Any) -> Any:
    if isinstance(value, (bool, str)):
        raise ValueError("Must be a whole number")
    return value


Whole = Annotated[int, BeforeValidator(_no_other_than_a_number)]
"""A whole number in a body: `true` and `"3"`, which pydantic would take for one, are none."""


class Json(BaseModel):
    """Goes out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class Given(BaseModel):
    """Comes in, as a body or as query parameters; a field that we do not know is an error."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, hide_input_in_errors=True
    )

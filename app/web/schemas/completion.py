"""Flows that a page begins and completes, as it asks for it."""

import re
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from app.infobip.pkce import VERIFIER, read_challenge
from app.models.flow import Surface
from app.web.queries import CODE, STATE
from app.web.schemas.json import Given, Json


def _of(form: re.Pattern[str]) -> AfterValidator:
    def check(value: str) -> str:
        if not form.fullmatch(value):
            raise ValueError("Is malformed")
        return value

    return AfterValidator(check)


def _described(form: str) -> WithJsonSchema:
    """What our own checks accept, for OpenAPI."""
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{form})$"})


def _challenge(value: str) -> str:
    read_challenge(value)
    return value


_CHALLENGE = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
"""32 bytes as base64url; the last character has two bits to spare, which are 0."""

State = Annotated[str, _of(STATE), _described(STATE.pattern)]
Code = Annotated[str, _of(CODE), _described(CODE.pattern)]
Verifier = Annotated[str, _of(VERIFIER), _described(VERIFIER.pattern)]
Challenge = Annotated[str, AfterValidator(_challenge), _described(_CHALLENGE)]
Short = Annotated[str, StringConstraints(max_length=4_096)]


class BeginFlow(Given):
    """A load that begins. `params` are the page's own query parameters, in order."""

    surface: Surface
    state: State | None = Field(default=None, description="Infobip's, if it sent one.")
    params: list[tuple[Short, Short]] = Field(default=[], max_length=64)
    code_challenge: Challenge
    front_end: Short | None = Field(
        default=None, description="The page that completes the flow, where it is not ours."
    )


class BegunFlow(Json):
    """Where to go, and under which name to keep the verifier."""

    flow: UUID
    authorize_url: str


class CompleteFlow(Given):
    """What the callback brought, and the proof: a verifier, or our cookies.

    Beside cookies, `flow` says which of several loads it is; without it the oldest is taken.
    """

    state: State
    code: Code
    code_verifier: Verifier | None = None
    flow: UUID | None = None


class CompletedFlow(Json):
    """Where to go on. `handoverCode` is good once, for `expiresIn` seconds."""

    location: str
    handover_code: str | None = None
    expires_in: int | None = None

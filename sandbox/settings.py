"""What can be turned while the sandbox runs."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from sandbox.config import RefreshMode, SandboxConfig

ResponseStyle = Literal["infobip", "rfc6749"]
DeclineBehaviour = Literal["referrer", "error"]


class CamelModel(BaseModel):
    """A strict, immutable JSON value in camelCase; unknown fields and loose types are refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
    )


class Settings(CamelModel):
    """The sandbox's behaviour. Lives are in sandbox time, latency is in real time."""

    token_lifetime_seconds: float = Field(default=60, gt=0, le=86_400)
    code_lifetime_seconds: float = Field(default=60, gt=0, le=86_400)
    refresh_mode: RefreshMode = "rotate"
    """``rotate``: a new token, the old one dead at once. ``keep``: a new token, the old one lives
    out its time. ``extend``: the same token lives longer. Nobody outside knows what Infobip does.
    """
    latency_seconds: float = Field(default=0, ge=0, le=600)
    latency_jitter_seconds: float = Field(default=0, ge=0, le=600)
    expires_in: bool = False
    """Whether the token response also tells ``expires_in``; the documented one does not."""
    response_style: ResponseStyle = "infobip"
    """``infobip``: ``token`` and ``tokenType``. ``rfc6749``: ``access_token``, ``token_type``."""
    decline_behaviour: DeclineBehaviour = "referrer"
    """Where Cancel on the consent page leads. ``referrer``: to the referring page, without a word,
    as documented. ``error``: to the redirect URI with ``error=access_denied``, as in RFC 6749.
    """


def initial_settings(config: SandboxConfig) -> Settings:
    """The settings that a sandbox starts with and returns to on reset."""
    return Settings.model_validate(
        {
            "tokenLifetimeSeconds": config.token_lifetime_seconds,
            "codeLifetimeSeconds": config.code_lifetime_seconds,
            "refreshMode": config.refresh_mode,
        }
    )

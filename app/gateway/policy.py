"""What may pass the gateway: nothing but what the operator listed in GATEWAY_ALLOW."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from app.errors import ConfigurationError
from app.gateway.paths import Segments

_ONE = "*"
_REST = "**"
_RULE = re.compile(r"(?P<method>[A-Z]+)\s+(?P<path>/\S*)")
_NEVER = frozenset({"oauth", "oauth2"})
"""Segments of the resources that hand out credentials: tokens, client secrets."""
_SEGMENTS_IN_MIND = 1_000


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry: `*` stands for one segment, a final `**` for one or more."""

    method: str
    pattern: Segments

    def matches(self, method: str, path: Segments) -> bool:
        if method != self.method:
            return False
        pattern = self.pattern
        if pattern and pattern[-1] == _REST:
            pattern = pattern[:-1]
            if len(path) <= len(pattern):
                return False
            path = path[: len(pattern)]
        return len(path) == len(pattern) and all(
            want in (_ONE, have) for want, have in zip(pattern, path, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """All rules of a deployment."""

    rules: tuple[Rule, ...]

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Read `METHOD /path/pattern` entries. Raises ConfigurationError that names the bad one."""
        return cls(tuple(_parse(entry) for entry in entries))

    def allows(self, method: str, path: Segments) -> bool:
        """Whether this call may pass. Resources that carry credentials never may."""
        if any(_hands_out_credentials(segment) for segment in path):
            return False
        return any(rule.matches(method, path) for rule in self.rules)


@lru_cache(maxsize=_SEGMENTS_IN_MIND)
def _hands_out_credentials(segment: str) -> bool:
    """By its letters and digits alone, however they were dressed up."""
    plain = unicodedata.normalize("NFKC", segment).casefold()
    return "".join(character for character in plain if character.isalnum()) in _NEVER


def _parse(entry: str) -> Rule:
    match = _RULE.fullmatch(entry)
    if match is None:
        raise ConfigurationError(
            f"GATEWAY_ALLOW: {entry!r} is not of the form METHOD /path/pattern."
        )
    pattern = tuple(match["path"][1:].split("/"))
    if "" in pattern or _REST in pattern[:-1]:
        raise ConfigurationError(
            f"GATEWAY_ALLOW: {entry!r} has an empty segment, or ** before the end."
        )
    return Rule(match["method"], pattern)

"""The JSON Schema that an app's settings have to obey."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import jsonschema_rs
import msgspec

from app.errors import ConfigurationError

_MOST_FAULTS = 50


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a document breaks the schema (a JSON Pointer), and how."""

    pointer: str
    problem: str


class SettingsSchema:
    """A schema in any draft that says by `$schema` which it is. Nothing is fetched for it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        try:
            self._validator = jsonschema_rs.validator_for(
                document, mask="the value", offline=True, validate_formats=True
            )
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise ConfigurationError(f"SETTINGS_SCHEMA is not a JSON Schema: {error}") from error

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises ConfigurationError with a sentence."""
        try:
            document = msgspec.json.decode(path.read_bytes())
        except OSError as error:
            raise ConfigurationError(
                f"SETTINGS_SCHEMA cannot be read: {error.strerror}."
            ) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigurationError("SETTINGS_SCHEMA is not JSON.") from error
        if not isinstance(document, dict):
            raise ConfigurationError("SETTINGS_SCHEMA has to be a JSON object.")
        return cls(document)

    def faults(self, document: Any) -> Iterator[Fault]:
        """All that is wrong with a document, as far as somebody would read."""
        for count, error in enumerate(self._validator.iter_errors(document)):
            if count == _MOST_FAULTS:
                return
            yield Fault(_pointer(error.instance_path), error.message)


def _pointer(path: list[str | int]) -> str:
    """RFC 6901."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(f"/{step}" for step in steps)

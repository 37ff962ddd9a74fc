"""The module for front ends as it is served: without its comments, which are a third of it."""

import re
from functools import cache
from pathlib import Path

_WHOLE_LINES = re.compile(
    r"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)[ \t]*$", re.DOTALL | re.MULTILINE
)


@cache
def embed_module(path: Path) -> str:
    """The source with its first comment, which says what it is, and with lines where they were."""
    first, end, rest = path.read_text(encoding="utf-8").partition("*/")
    return first + end + _WHOLE_LINES.sub(lambda comment: "\n" * comment[0].count("\n"), rest)

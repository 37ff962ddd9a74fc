"""The module for front ends as it is served: its parts in one file, and without their comments,
which are a third of it. What is in no part may be asked for once, by one request."""

import re
from functools import cache
from pathlib import Path

_FROM = re.compile(r'^(import|export) \{([^}]*)\} from "(\./[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function |class |const )", re.MULTILINE)
_COMMENTS = re.compile(
    r"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)[ \t]*\n", re.DOTALL | re.MULTILINE
)
_GAPS = re.compile(r"\n{3,}")


@cache
def embed_module(path: Path) -> str:
    """The file at `path` says what the module is, in its first comment, and what it exports.

    It and its parts name each other by `import` and `export { … } from "./…"` alone, without
    renaming, and not in a circle. So the parts have one scope here, each after those it needs.
    """
    source = path.read_text(encoding="utf-8")
    about, end, _ = source.partition("*/\n")
    parts: dict[Path, str] = {}
    _add_parts(path, source, parts)
    exported = [name for how, names, _ in _FROM.findall(source) for name in _names(names)]
    bodies = [f"// {part.name}\n{_plain(parts[part])}" for part in parts if part != path]
    exports = ["export {", *(f"  {name}," for name in exported), "};", ""]
    return "\n".join([about + end, *bodies, *exports])


def _add_parts(path: Path, source: str, parts: dict[Path, str]) -> None:
    for _, _, name in _FROM.findall(source):
        part = (path.parent / name).resolve()
        if part not in parts:
            _add_parts(part, part.read_text(encoding="utf-8"), parts)
    parts[path] = source


def _names(names: str) -> list[str]:
    return [name for part in names.split(",") if (name := part.strip())]


def _plain(source: str) -> str:
    for left_out in (_FROM, _COMMENTS, _EXPORT):
        source = left_out.sub("", source)
    return _GAPS.sub("\n\n", source).strip() + "\n"

"""SECURITY.md and docs/browsers.md say which test shows what; those tests are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
THREATS = ROOT / "SECURITY.md"
BROWSERS = ROOT / "docs" / "browsers.md"
DEFINED = {
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.M)
}


def named(text: str) -> set[str]:
    """Tests and files of tests; a name that ends in … stands for all that begin so."""
    return set(re.findall(r"`((?:tests/[\w/]+\.py)|test_\w+(?:\.py|…)?)", text))


@pytest.mark.parametrize("document", [THREATS, BROWSERS], ids=lambda path: path.name)
def test_what_a_document_points_to_is_there(document: Path) -> None:
    names = named(document.read_text())

    assert len(names) > 5
    assert sorted(name for name in names if not is_there(name)) == []


def is_there(name: str) -> bool:
    if name.endswith(".py"):
        return any((ROOT / folder / name).is_file() for folder in ("", "tests/browser"))
    if name.endswith("…"):
        return any(test.startswith(name.removesuffix("…")) for test in DEFINED)
    return name in DEFINED


def test_each_threat_is_shown_by_something() -> None:
    rows = re.findall(r"^\|(?! Someone|-).*\|$", THREATS.read_text(), re.M)

    assert len(rows) > 30
    for row in rows:
        *_, shown_by = row.strip("|").split("|")
        assert named(shown_by) or shown_by.strip() == "the same, from the other side", row

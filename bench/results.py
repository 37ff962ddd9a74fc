"""What a benchmark found: figures over rounds, as a table and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.machine import machine_facts


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity, measured once a round."""

    name: str
    unit: str
    rounds: int
    min: float
    median: float
    max: float

    @classmethod
    def of(cls, name: str, unit: str, values: Sequence[float]) -> "Figure":
        return cls(name, unit, len(values), min(values), median(values), max(values))


@dataclass(slots=True)
class Findings:
    """All that a benchmark has to say."""

    benchmark: str
    about: str
    setup: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, unit: str, values: Sequence[float]) -> None:
        """A figure; nothing when no round brought a value."""
        if values:
            self.figures.append(Figure.of(name, unit, values))

    def write(self, folder: Path) -> Path:
        """`<benchmark>.json` in this folder."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.benchmark}.json"
        content = {**asdict(self), "machine": machine_facts()}
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        return path

    def table(self) -> str:
        """For people."""
        heads = ("", "unit", "rounds", "min", "median", "max")
        rows = [
            (f.name, f.unit, str(f.rounds), number(f.min), number(f.median), number(f.max))
            for f in self.figures
        ]
        widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
        lines = [self.about, "", _line(heads, widths), "  ".join("-" * width for width in widths)]
        lines += [_line(row, widths) for row in rows]
        lines += ["", *(f"{name}: {value}" for name, value in self.setup.items())]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)


def number(value: float) -> str:
    """Three digits that matter, thousands apart."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.3g}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, unit, *rest = cells
    left = f"{first:<{widths[0]}}  {unit:<{widths[1]}}"
    right = (f"{cell:>{width}}" for cell, width in zip(rest, widths[2:], strict=True))
    return "  ".join([left, *right]).rstrip()

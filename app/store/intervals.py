"""Spans of time in SQL."""

from typing import Any

from sqlalchemy import ColumnElement, func


def seconds(value: float | ColumnElement[Any]) -> ColumnElement[Any]:
    """An interval of so many seconds, fractions included."""
    return func.make_interval(0, 0, 0, 0, 0, 0, value)

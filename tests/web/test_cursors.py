"""Cursors: what was given comes back, and nothing else gets in."""

import re
from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from app.errors.requests import MalformedRequest
from app.models.identifiers import ConnectionId
from app.models.listing import Place
from app.web.cursors import read_cursor, write_cursor

places = st.builds(
    Place,
    st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)).map(  # noqa: DTZ001 - aware below
        lambda value: value.replace(tzinfo=UTC)
    ),
    st.uuids().map(ConnectionId),
)


@given(places)
def test_a_place_comes_back_to_the_microsecond(place: Place) -> None:
    cursor = write_cursor(place)

    assert read_cursor(cursor) == place
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", cursor)


@given(st.text() | st.text("AQf_-9", min_size=32, max_size=32))
def test_anything_else_is_malformed_or_the_one_way_to_write_a_place(text: str) -> None:
    with suppress(MalformedRequest):
        assert write_cursor(read_cursor(text)) == text

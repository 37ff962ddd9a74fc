"""Rendering templates."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

HERE = Path(__file__).parent
STATIC = HERE / "static"

# Frames may show anything: the app may land on a front end that lives elsewhere. There is no
# form-action, because Chromium applies it to the redirect after Accept as well.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src http: https:; base-uri 'none'; frame-ancestors "
)


def make_templates() -> Environment:
    """The template environment; it escapes everything and refuses unknown names."""
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["clock"] = _clock
    templates.filters["initials"] = _initials
    return templates


def page(
    request: Request,
    template: str,
    values: Mapping[str, object],
    *,
    status: int = 200,
    framed: bool = False,
) -> Response:
    """Render a page that no cache may keep and, unless ``framed``, no other page may frame."""
    templates: Environment = request.app.state.templates
    body = templates.get_template(template).render(values)
    return HTMLResponse(
        body,
        status,
        {
            "Content-Security-Policy": _POLICY + ("*" if framed else "'none'"),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M")


def _initials(name: str) -> str:
    words = [word for word in name.split() if word[:1].isalpha()]
    return "".join(word[0] for word in words[:2]).upper() or "?"

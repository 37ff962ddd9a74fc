"""What axe-core finds against a page's accessibility."""

from importlib.resources import files
from typing import Any

from playwright.async_api import Frame

_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


async def violations(frame: Frame) -> list[str]:
    """A line for each: the rule, and the elements that break it."""
    await frame.evaluate(f"() => {{ {_AXE} }}")
    found: list[dict[str, Any]] = await frame.evaluate(
        "() => axe.run(document, { iframes: false }).then((results) => results.violations)"
    )
    return [
        f"{rule['id']}: {', '.join(str(node['target'][0]) for node in rule['nodes'])}"
        for rule in found
    ]

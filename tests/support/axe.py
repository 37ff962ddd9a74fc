"""What axe-core finds against a page's accessibility."""

from importlib.resources import files
from typing import Any

from playwright.async_api import Frame, Page

_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


async def violations(page: Page) -> list[str]:
    """In the page's last frame, light and dark: the rule, and the elements that break it."""
    found = []
    for scheme in ("light", "dark"):
        # A button on its way from one colour to the other would have neither.
        await page.emulate_media(
            color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce"
        )
        found += [f"{scheme}: {line}" for line in await _violations(page.frames[-1])]
    return found


async def _violations(frame: Frame) -> list[str]:
    await frame.evaluate(f"() => {{ {_AXE} }}")
    found: list[dict[str, Any]] = await frame.evaluate(
        "() => axe.run(document, { iframes: false }).then((results) => results.violations)"
    )
    return [
        f"{rule['id']}: {', '.join(str(node['target'][0]) for node in rule['nodes'])}"
        for rule in found
    ]

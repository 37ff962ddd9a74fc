"""The module for front ends is written in parts and served as one."""

from pathlib import Path

import pytest

from app.web.embed_module import embed_module

PARTS = {
    "whole.js": """/** What it is. */

export { offer } from "./parts/offer.js";
export {
  ask,
  LIMIT,
} from "./parts/ask.js";
""",
    "parts/offer.js": """/** Offers. */

import { ask } from "./ask.js";

/** Twice. @param {string} what */
export async function offer(what) {
  // Both at once.
  return Promise.all([ask(what), ask(what)]); // in vain
}
""",
    "parts/ask.js": """export const LIMIT = 3;

/**
 * Asks.
 */
export function ask(what) {
  return fetch(`https://hearth.example/${what}`);
}
""",
}

SERVED = """/** What it is. */

// ask.js
const LIMIT = 3;

function ask(what) {
  return fetch(`https://hearth.example/${what}`);
}

// offer.js
async function offer(what) {
  return Promise.all([ask(what), ask(what)]); // in vain
}

export {
  offer,
  ask,
  LIMIT,
};
"""


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    for name, source in PARTS.items():
        (tmp_path / name).write_text(source)
    return tmp_path / "whole.js"


def test_each_part_is_there_once_after_those_it_needs_and_without_comments(whole: Path) -> None:
    assert embed_module(whole) == SERVED


def test_hearths_own_module_asks_for_no_other() -> None:
    source = Path(__file__).parents[2] / "app" / "web" / "static" / "embed.js"

    code = embed_module(source).partition("*/")[2]

    assert ' from "' not in code
    assert code.count("\nexport ") == 1
    assert "  connect,\n" in code.partition("\nexport {")[2]

"""The worked examples, built as their readers build them."""

from pathlib import Path

import pytest

from tests.support.npm import Npm, ensure_npm

VITE = Path(__file__).parents[2] / "examples" / "vite-typescript"


@pytest.fixture(scope="session")
def npm() -> Npm:
    return ensure_npm()


@pytest.fixture(scope="session")
def built_app(npm: Npm) -> Path:
    """The Vite app's `dist`; what is installed already is not installed again."""
    installed = VITE / "node_modules" / ".package-lock.json"
    lock = VITE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        npm.run("ci", folder=VITE)
    npm.run("run", "build", folder=VITE)
    return VITE / "dist"


@pytest.mark.npm
def test_what_the_types_say_is_what_the_scripts_do(
    npm: Npm, built_app: Path, tmp_path: Path
) -> None:
    """embed.js against embed.d.ts, and the built-in pages against both, by TypeScript."""
    static = Path(__file__).parents[2] / "app" / "web" / "static"
    assert (VITE / "hearth.d.ts").read_text() == (static / "embed.d.ts").read_text()
    pages = [path for path in (static / "ui" / "assets").glob("*.js") if path.stem != "completion"]
    npm.run("exec", "--", "tsc", *CHECK, *map(str, pages), folder=VITE)

    (tmp_path / "inside.js").write_text((static / "embed.js").read_text())
    (tmp_path / "told.d.ts").write_text((static / "embed.d.ts").read_text())
    (tmp_path / "both.ts").write_text(
        'import * as inside from "./inside.js";\n'
        'import type * as told from "./told";\n'
        "export const connect: typeof told.connect = inside.connect;\n"
    )
    npm.run("exec", "--", "tsc", *CHECK, str(tmp_path / "both.ts"), folder=VITE)


CHECK = (
    "--ignoreConfig",
    "--noEmit",
    "--allowJs",
    "--checkJs",
    "--strict",
    "--target",
    "es2024",
    "--lib",
    "es2024,dom,dom.iterable",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
)

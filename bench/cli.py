"""The command line: which benchmarks, how long, and where the results go."""

import argparse
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from app.logs import configure_logs
from bench.benchmarks import gateway, renewals, scale, steady, survival, two
from bench.benchmarks.survival import Survived
from bench.children import ChildFailed
from bench.lab import Lab, open_lab
from bench.results import Findings

_RESULTS = Path(__file__).parent / "results"
_ABOUT = {
    "renewals": renewals.ABOUT,
    "scale": scale.ABOUT,
    "steady": steady.ABOUT,
    "two": two.ABOUT,
    "gateway": gateway.ABOUT,
    "survival": survival.ABOUT,
}
_UNASKED = ("renewals", "scale")


def main(arguments: Sequence[str]) -> int:
    """The exit status."""
    options = _parser().parse_args(arguments)
    if options.list:
        for name, about in _ABOUT.items():
            print(f"{name:<10} {about}")
        return 0
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _run(options)
    except KeyboardInterrupt:
        print("stopped")
        return 130
    except ChildFailed as error:
        print(error)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    say = _progress()
    names = options.only or list(_UNASKED)
    found: list[Findings | Survived] = []
    if "survival" in names:
        found.append(_survival(options, say))
    if measured := [name for name in names if name != "survival"]:
        say("starting the stub and PostgreSQL")
        with open_lab() as lab:
            found += [_benchmark(name, lab, options, say) for name in measured]
    for findings in found:
        path = findings.write(options.results)
        print(f"\n{findings.table()}\nwritten to {path.name}")


def _survival(options: argparse.Namespace, say: Callable[[str], None]) -> Survived:
    configure_logs(level="WARNING")
    say(f"survival: {survival.ABOUT}")
    return survival.run(
        scenarios=options.scenarios,
        connections=options.connections,
        life_seconds=options.life,
        say=say,
    )


def _benchmark(
    name: str, lab: Lab, options: argparse.Namespace, say: Callable[[str], None]
) -> Findings:
    say(f"{name}: {_ABOUT[name]}")
    timing = {"seconds": options.seconds, "rounds": options.rounds}
    if name == "scale":
        return scale.run(lab, **timing, full=options.full, say=say)
    if name == "gateway":
        return gateway.run(lab, **timing, say=say)
    if name == "two":
        return two.run(lab, **timing, say=say)
    if name == "steady":
        return steady.run(lab, connections=options.tokens, life_seconds=options.life, say=say)
    return renewals.run(lab, **timing, say=say)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run bench",
        description="Measures Hearth on this machine, on loopback only. Without --only: renewals "
        "and scale, which take about three minutes.",
    )
    parser.add_argument("--list", action="store_true", help="list the benchmarks and end")
    parser.add_argument(
        "--only", nargs="+", choices=list(_ABOUT), metavar="NAME", help="run only these benchmarks"
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=3.0, help="length of one measurement (default: 3)"
    )
    parser.add_argument(
        "--rounds", type=_rounds, default=3, help="how often each is measured (default: 3)"
    )
    parser.add_argument(
        "--full", action="store_true", help="also load a million connections (about a minute more)"
    )
    parser.add_argument(
        "--scenarios",
        nargs="+",
        choices=survival.SCENARIOS,
        metavar="NAME",
        default=survival.SCENARIOS,
        help=f"of survival, only these: {', '.join(survival.SCENARIOS)}",
    )
    parser.add_argument(
        "--connections",
        type=_connections,
        default=survival.SIZE.connections,
        help="of survival (default: %(default)s)",
    )
    parser.add_argument(
        "--life",
        type=_life,
        default=survival.SIZE.life_seconds,
        metavar="SECONDS",
        help="of a token in survival and steady, which is watched for as long (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--tokens",
        type=_tokens,
        default=steady.CONNECTIONS,
        help="of steady, how many are kept alive (default: %(default)s)",
    )
    parser.add_argument("--results", type=Path, default=_RESULTS, help="folder for the JSON files")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 30:
        raise argparse.ArgumentTypeError("must be from 1 to 30")
    return value


def _rounds(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 20:
        raise argparse.ArgumentTypeError("must be from 1 to 20")
    return value


def _connections(text: str) -> int:
    value = int(text)
    if not 64 <= value <= 20_000:
        raise argparse.ArgumentTypeError("must be from 64 to 20000")
    return value


def _tokens(text: str) -> int:
    value = int(text)
    if not 64 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError("must be from 64 to 1000000")
    return value


def _life(text: str) -> float:
    value = float(text)
    if not 6 <= value <= 600:
        raise argparse.ArgumentTypeError("must be from 6 to 600")
    return value


def _progress() -> Callable[[str], None]:
    started = time.monotonic()

    def say(what: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {what}", flush=True)

    return say


def _interrupt(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends us as Ctrl-C does, so that everything that was started is ended. By the signal
    itself: asyncio cancels what is under way then, where an exception would tear it apart."""
    del number, frame
    signal.raise_signal(signal.SIGINT)

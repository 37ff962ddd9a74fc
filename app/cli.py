"""`python -m app`: the commands of an operator."""

import argparse
import sys
from collections.abc import Callable, Sequence

from app.demo import demo
from app.deployment import migrate_database, prepare_schema, require_sound, with_database
from app.diagnosis import diagnose
from app.embedded_postgres import EmbeddedPostgresError
from app.errors import DatabaseUnavailable, HearthError
from app.logs import configure_logs
from app.resealing import reseal
from app.security.sealing import generate_key
from app.security.webhooks import generate_signing_secret
from app.serving import listen, refresh, run_async, serve
from app.settings import Settings

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status. Errors that have a remedy are told in a sentence."""
    options = _parser().parse_args(arguments)
    configure_logs()
    command: Command = options.command
    try:
        return command(options)
    except HearthError as error:
        _say(error.detail)
        if type(error) is DatabaseUnavailable:
            _say("Is DATABASE_URL right? `python -m app check` says more.")
    except EmbeddedPostgresError as error:
        _say(str(error))
    except KeyboardInterrupt:
        return 130
    return 1


def _serve(options: argparse.Namespace) -> int:
    settings = Settings.load()
    require_sound(settings)
    listener = listen(options.host, options.port)
    with with_database(settings) as ready:
        run_async(prepare_schema(ready, embedded=settings.storage.database_url is None))
        return serve(ready, listener)


def _refresher(_: argparse.Namespace) -> int:
    settings = Settings.load()
    require_sound(settings)
    with with_database(settings) as ready:
        run_async(prepare_schema(ready, embedded=settings.storage.database_url is None))
        return refresh(ready)


def _migrate(_: argparse.Namespace) -> int:
    with with_database(Settings.load()) as ready:
        run_async(migrate_database(ready))
    _say("The database has the newest schema.")
    return 0


def _check(_: argparse.Namespace) -> int:
    return diagnose(sys.stdout)


def _reseal(_: argparse.Namespace) -> int:
    settings = Settings.load()
    with with_database(settings) as ready:
        return run_async(reseal(ready, sys.stdout, embedded=settings.storage.database_url is None))


def _generate_key(_: argparse.Namespace) -> int:
    sys.stdout.write(generate_key() + "\n")
    return 0


def _generate_events_secret(_: argparse.Namespace) -> int:
    sys.stdout.write(generate_signing_secret() + "\n")
    return 0


def _demo(options: argparse.Namespace) -> int:
    return demo(
        port=options.port,
        sandbox_port=options.sandbox_port,
        context_card_ui=options.context_card_ui,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app",
        description="Hearth, the backend for apps embedded in the Infobip web interface. "
        "Settings come from the environment or .env; .env.example lists them.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(command=command)
        return one

    one = add("serve", _serve, "Run web and refresher in one process.")
    one.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    one.add_argument("--port", type=_port, default=8000, help="default: %(default)s")
    add("refresher", _refresher, "Run a refresher alone.")
    add("migrate", _migrate, "Bring the database to the newest schema.")
    add("check", _check, "Check settings, database and Infobip, and say how to mend each.")
    add("reseal", _reseal, "Seal all that is stored anew, under the first of ENCRYPTION_KEYS.")
    add("generate-key", _generate_key, "Print a new key for ENCRYPTION_KEYS.")
    add("generate-events-secret", _generate_events_secret, "Print a new EVENTS_SECRET.")
    one = add("demo", _demo, "Run Hearth with an embedded database and the Infobip sandbox.")
    one.add_argument("--port", type=_port, default=8000, help="Hearth's port; default: %(default)s")
    one.add_argument(
        "--sandbox-port", type=_port, default=9000, help="the sandbox's; default: %(default)s"
    )
    one.add_argument(
        "--context-card-ui",
        metavar="FOLDER",
        help="your own card instead of Hearth's, or the URL of a development server",
    )
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return port


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")

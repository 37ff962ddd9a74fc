"""`python -m app reseal`: all that is stored, under the newest key."""

from typing import TextIO

from app.connections.resealing import Progress, Resealed
from app.deployment import prepare_schema
from app.factory import open_resealing
from app.settings import Settings


async def reseal(settings: Settings, out: TextIO, *, embedded: bool) -> int:
    """Write how far it is, and what came of it; 0 when all is under the newest key.

    Raises ConfigurationError or DatabaseUnavailable; run it again then.
    """

    def tell(progress: Progress) -> None:
        out.write(f"{progress.what}: {progress.done:,} of {progress.of:,}\n")
        out.flush()

    await prepare_schema(settings, embedded=embedded)
    async with open_resealing(settings, tell) as resealing:
        outcome = await resealing.run()
    out.write("".join(f"{sentence}\n" for sentence in _sentences(outcome)))
    return 1 if outcome.left or outcome.unopenable else 0


def _sentences(outcome: Resealed) -> list[str]:
    found = [f"Sealed anew under the newest key: {outcome.done:,}."]
    if outcome.left:
        found.append(
            f"{outcome.left:,} are under an older key: a process still has that one first in "
            "ENCRYPTION_KEYS. Restart it with the newest one first, then run this again."
        )
    if outcome.unopenable:
        found.append(
            "None of ENCRYPTION_KEYS opens what is stored for these connections; list the key "
            "that they were sealed under as well, or disconnect them:"
        )
        found += [f"  {connection_id}" for connection_id in outcome.unopenable]
    if not outcome.left and not outcome.unopenable:
        found.append("All is under the newest key; the older ones can be taken out.")
    return found

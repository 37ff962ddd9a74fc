"""Passing trouble with Infobip, as our callers are told of it."""

from app.errors import HearthError
from app.errors.calls import InfobipThrottled, InfobipTimeout, InfobipUnreachable
from app.infobip.errors import InfobipError, Throttled, TimedOut


def passing_trouble(error: InfobipError) -> HearthError:
    """What a failure that decided nothing looks like from outside."""
    match error:
        case Throttled():
            return InfobipThrottled(retry_after_seconds=int(error.retry_after_seconds or 1))
        case TimedOut():
            return InfobipTimeout()
        case _:
            return InfobipUnreachable()

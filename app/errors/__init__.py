"""The one error tree of the application: what went wrong, in words that are safe to show.

What any part may raise stands here, the rest in a module for each subject.

`detail` is a sentence for the person or program outside. What helps only the operator
(exception texts, upstream answers) goes to the log, never in here.
"""


class HearthError(Exception):
    """Base of all errors that have an answer for the caller.

    `code` is stable and part of the public surface; `status` is the HTTP status.
    """

    code = "internal_error"
    status = 500
    title = "Something went wrong"
    detail = "The request could not be completed. Please try again."

    def __init__(
        self, detail: str | None = None, *, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(detail or self.detail)
        self.detail = detail or self.detail
        self.retry_after_seconds = retry_after_seconds


class ConfigurationError(HearthError):
    """Settings that do not add up; raised at start, never while serving."""

    code = "configuration"
    title = "The configuration does not add up"


class DatabaseUnavailable(HearthError):
    """Postgres cannot be reached or does not answer in time."""

    code = "database_unavailable"
    status = 503
    title = "Temporarily unavailable"
    detail = "Our database cannot be reached at the moment. Please try again shortly."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, retry_after_seconds=5)


class MigrationInTheWay(DatabaseUnavailable):
    """A migration did not get its locks in time, or met somebody who waited for it. All of it was
    undone."""

    code = "migration_in_the_way"
    detail = (
        "The migration could not get its locks: what runs was in its way. Nothing was changed; run "
        "it again."
    )

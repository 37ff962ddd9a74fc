"""Whether the account that came back may be linked to whom an activation link is for."""

from app.errors import HearthError
from app.errors.sign_in import AlreadyLinked, LinkUsed, WrongAccount
from app.models.audit import BROWSER, Action, Deed
from app.models.connection import Profile
from app.models.link import ActivationLink, LinkStatus
from app.store.linking import LinkingStore


class LinkingRefused(Exception):
    """`error` is what to tell the person, `deed` what to put on record, if anything."""

    def __init__(self, error: HearthError, deed: Deed | None) -> None:
        super().__init__(error.code)
        self.error = error
        self.deed = deed


async def judge_linking(store: LinkingStore, link: ActivationLink, profile: Profile) -> None:
    """The caller holds the lock of the link. Raises LinkingRefused.

    One customer has one account, though several of its users may connect; one user of Infobip
    is linked to one customer. Whoever is linked already stays so until it is disconnected.
    """
    if link.status is LinkStatus.USED:
        raise LinkingRefused(LinkUsed(), None)
    linked: set[str | None] = set()
    if link.external_id is not None:
        await store.lock_external_id(link.external_id)
        linked = await store.accounts_linked_to(link.external_id)
    await store.lock_person(profile)
    own = await store.account_of(link.for_connection) if link.for_connection else set()
    if any(expected and profile.account_key not in expected for expected in (linked, own)):
        raise LinkingRefused(WrongAccount(), _deed(Action.WRONG_ACCOUNT, link, profile))
    other = await store.external_id_of(profile)
    if link.external_id is not None and other not in (None, link.external_id):
        raise LinkingRefused(AlreadyLinked(), _deed(Action.ALREADY_LINKED, link, profile))


def _deed(action: Action, link: ActivationLink, profile: Profile) -> Deed:
    return Deed(
        BROWSER,
        action,
        link.for_connection,
        {
            "linkId": str(link.id),
            "externalId": link.external_id or "",
            "accountKey": profile.account_key or "",
            "userKey": profile.user_key or "",
        },
    )

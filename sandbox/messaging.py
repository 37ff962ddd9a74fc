"""Conversations with customers, and SMS that were sent."""

import uuid
from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from sandbox.clock import Clock, rfc3339
from sandbox.directory import Account

_MESSAGES_KEPT = 2_000
_SMS_KEPT = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer of an account, as the People API knows them."""

    id: int
    first_name: str
    last_name: str
    phone: str
    email: str
    city: str
    country: str
    language: str
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a conversation; ``direction`` is ``INBOUND`` or ``OUTBOUND``."""

    id: str
    sender: str
    recipient: str
    channel: str
    direction: str
    created_at: float
    text: str


@dataclass(slots=True, kw_only=True)
class Conversation:
    """A conversation of an account with one person."""

    id: str
    account: Account
    person: Person
    topic: str
    summary: str
    status: str
    priority: str
    agent_id: str | None
    created_at: float
    updated_at: float
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=_MESSAGES_KEPT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    """An SMS that the SMS API accepted."""

    message_id: str
    bulk_id: str
    account: Account
    sender: str
    recipient: str
    text: str
    sent_at: float

    def as_json(self) -> dict[str, object]:
        """The form in which the control API shows it."""
        return {
            "messageId": self.message_id,
            "bulkId": self.bulk_id,
            "accountKey": self.account.key,
            "from": self.sender,
            "to": self.recipient,
            "text": self.text,
            "sentAt": rfc3339(self.sent_at),
        }


class Conversations:
    """All conversations; an account sees its own only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_id: dict[str, Conversation] = {}

    def add(self, conversation: Conversation) -> None:
        """Take in a conversation."""
        self._by_id[conversation.id] = conversation

    def get(self, account: Account, conversation_id: str) -> Conversation | None:
        """Find a conversation of ``account``; those of others do not exist for it."""
        found = self._by_id.get(conversation_id)
        return found if found is not None and found.account.key == account.key else None

    def of(self, account: Account) -> list[Conversation]:
        """The conversations of an account, in a fixed order."""
        return [c for c in self._by_id.values() if c.account.key == account.key]

    def person(self, account: Account, kind: str, identifier: str) -> Person | None:
        """Find a person by ``PHONE``, ``EMAIL`` or ``ID``."""
        for conversation in self.of(account):
            person = conversation.person
            keys = {"PHONE": person.phone, "EMAIL": person.email, "ID": str(person.id)}
            if keys.get(kind) == identifier:
                return person
        return None

    def write(
        self, conversation: Conversation, *, sender: str, recipient: str, channel: str, text: str
    ) -> Message:
        """Add an outgoing message to a conversation."""
        message = Message(
            id=str(uuid.uuid4()),
            sender=sender,
            recipient=recipient,
            channel=channel,
            direction="OUTBOUND",
            created_at=self._clock.now(),
            text=text,
        )
        conversation.messages.append(message)
        conversation.updated_at = message.created_at
        return message


class Outbox:
    """SMS that were accepted, newest first; the oldest are forgotten in time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: deque[Sms] = deque(maxlen=_SMS_KEPT)

    def send(self, account: Account, *, bulk_id: str, sender: str, to: str, text: str) -> Sms:
        """Accept one SMS."""
        sms = Sms(
            message_id=str(uuid.uuid4()),
            bulk_id=bulk_id,
            account=account,
            sender=sender,
            recipient=to,
            text=text,
            sent_at=self._clock.now(),
        )
        self._sent.appendleft(sms)
        return sms

    def newest(self, limit: int) -> list[Sms]:
        """The last ``limit`` SMS, newest first."""
        return list(islice(self._sent, limit))

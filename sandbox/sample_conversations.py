"""The sample conversations that a sandbox begins with."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.directory import Account
from sandbox.messaging import Conversation, Conversations, Message, Person
from sandbox.sample_users import CLINIC, CYCLES

# Numbers of the ranges that Ofcom keeps for drama: they reach nobody.
_CYCLES_SENDER = "447700900001"
_CLINIC_SENDER = "447700900002"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    id: str
    account: Account
    sender: str
    person: Person
    topic: str
    summary: str
    status: str
    priority: str
    lines: Sequence[tuple[int, str, str]]
    """Minutes ago, ``<`` from the customer or ``>`` to them, text."""


_SAMPLES = (
    _Sample(
        id="0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c501",
        account=CYCLES,
        sender=_CYCLES_SENDER,
        person=Person(
            id=410023,
            first_name="Marta",
            last_name="Silva",
            phone="447700900123",
            email="marta.silva@example.test",
            city="Porto",
            country="Portugal",
            language="PT",
            tags=("newsletter", "e-bike"),
        ),
        topic="Brake squeal after service",
        summary="New pads squeal; wants to bring the bike back this week.",
        status="OPEN",
        priority="NORMAL",
        lines=(
            (64, "<", "Hi! I collected my bike on Monday and the front brake squeals terribly."),
            (61, ">", "Hello Marta, sorry to hear that. Does it squeal in the dry as well?"),
            (58, "<", "Yes, all the time. My neighbours know when I am home :)"),
            (52, ">", "Then the pads need bedding in, or a clean. We can look at it today."),
            (4, "<", "Great, could you text me when there is a free slot?"),
        ),
    ),
    _Sample(
        id="0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c502",
        account=CYCLES,
        sender=_CYCLES_SENDER,
        person=Person(
            id=410024,
            first_name="Jonas",
            last_name="Lindqvist",
            phone="447700900124",
            email="jonas.l@example.test",
            city="Malmö",
            country="Sweden",
            language="SV",
        ),
        topic="Delivery of order 20418",
        summary="Asks where the cargo bike is.",
        status="WAITING",
        priority="HIGH",
        lines=(
            (180, "<", "Where is my cargo bike? The tracking page has not moved for two days."),
            (176, ">", "Hello Jonas, it is at the ferry terminal. I am asking the carrier now."),
            (31, "<", "Any news?"),
        ),
    ),
    _Sample(
        id="0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c503",
        account=CYCLES,
        sender=_CYCLES_SENDER,
        person=Person(
            id=410025,
            first_name="Yusuf",
            last_name="Demir",
            phone="447700900125",
            email="yusuf.demir@example.test",
            city="Izmir",
            country="Türkiye",
            language="TR",
        ),
        topic="Thank you",
        summary="Happy with the fitting.",
        status="SOLVED",
        priority="LOW",
        lines=(
            (1500, "<", "The saddle is perfect now. Thank you!"),
            (1495, ">", "That is lovely to hear, Yusuf. Enjoy the ride."),
        ),
    ),
    _Sample(
        id="0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c511",
        account=CLINIC,
        sender=_CLINIC_SENDER,
        person=Person(
            id=520101,
            first_name="Noor",
            last_name="Haddad",
            phone="447700900201",
            email="noor.haddad@example.test",
            city="Rotterdam",
            country="Netherlands",
            language="NL",
            tags=("returning",),
        ),
        topic="Moving an appointment",
        summary="Wants Thursday rather than Tuesday.",
        status="OPEN",
        priority="NORMAL",
        lines=(
            (22, "<", "Could I move my Tuesday appointment to Thursday afternoon?"),
            (19, ">", "Of course. Would 15:40 suit you?"),
            (2, "<", "15:40 is perfect, thanks."),
        ),
    ),
    _Sample(
        id="0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c512",
        account=CLINIC,
        sender=_CLINIC_SENDER,
        person=Person(
            id=520102,
            first_name="<i>Zoë</i>",
            last_name="O'Brien & Söhne",
            phone="447700900202",
            email="zoe@example.test",
            city="Zürich",
            country="Switzerland",
            language="DE",
        ),
        topic="Opening hours </title><script>alert(1)</script>",
        summary="Markup on purpose: every page must show it as text.",
        status="OPEN",
        priority="NORMAL",
        lines=((40, "<", "Are you open on <b>Saturday</b>? شكرا 🙂"),),
    ),
)


def add_sample_conversations(conversations: Conversations, *, now: float) -> None:
    """Add the samples, as if they had happened shortly before ``now``."""
    for sample in _SAMPLES:
        conversations.add(_conversation(sample, now))


def _conversation(sample: _Sample, now: float) -> Conversation:
    messages = [
        Message(
            id=str(uuid.uuid4()),
            sender=sample.person.phone if way == "<" else sample.sender,
            recipient=sample.sender if way == "<" else sample.person.phone,
            channel="SMS",
            direction="INBOUND" if way == "<" else "OUTBOUND",
            created_at=now - 60 * minutes,
            text=text,
        )
        for minutes, way, text in sample.lines
    ]
    conversation = Conversation(
        id=sample.id,
        account=sample.account,
        person=sample.person,
        topic=sample.topic,
        summary=sample.summary,
        status=sample.status,
        priority=sample.priority,
        agent_id=None,
        created_at=messages[0].created_at,
        updated_at=messages[-1].created_at,
    )
    conversation.messages.extend(messages)
    return conversation

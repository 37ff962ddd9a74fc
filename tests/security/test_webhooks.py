"""Signatures of events: the Standard Webhooks library, which is not ours, believes them."""

import base64
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from app.security.webhooks import generate_signing_secret, parse_signing_secret, signature

KEYS = st.binary(min_size=24, max_size=64)


def headers(body: bytes, *keys: bytes) -> dict[str, str]:
    message_id, timestamp = str(uuid4()), int(datetime.now(UTC).timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(keys, message_id=message_id, timestamp=timestamp, body=body),
    }


def verifies(body: bytes, sent: dict[str, str], *, key: bytes) -> bool:
    try:
        Webhook(key).verify(body, sent, json_parse=False)
    except WebhookVerificationError:
        return False
    return True


@given(key=KEYS, other=KEYS, text=st.text(alphabet=st.characters(codec="utf-8")))
def test_a_receiver_with_the_secret_believes_it_and_no_other(
    key: bytes, other: bytes, text: str
) -> None:
    body = text.encode()
    sent = headers(body, key)

    assert verifies(body, sent, key=key)
    assert verifies(body, sent, key=other) == (other == key)
    assert not verifies(body + b" ", sent, key=key)
    assert not verifies(body, sent | {"webhook-id": "another"}, key=key)
    later = str(int(sent["webhook-timestamp"]) + 1)
    assert not verifies(body, sent | {"webhook-timestamp": later}, key=key)


def test_while_a_secret_is_changed_either_is_believed() -> None:
    old, new = (parse_signing_secret(generate_signing_secret()) for _ in range(2))
    sent = headers(b"{}", old, new)

    assert verifies(b"{}", sent, key=old)
    assert verifies(b"{}", sent, key=new)
    assert not verifies(b"{}", headers(b"{}", old), key=new)


def test_the_specifications_own_example() -> None:
    """https://github.com/standard-webhooks/standard-webhooks, the libraries' test vector."""
    key = parse_signing_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(
        [key],
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_new_secret_is_one_that_is_accepted() -> None:
    secrets = {generate_signing_secret() for _ in range(10)}
    assert len(secrets) == 10
    for secret in secrets:
        assert len(parse_signing_secret(secret)) == 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec_short",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        "whsec_" + base64.b64encode(b"x" * 32).decode().rstrip("="),
        "whsec_" + "!" * 44,
        base64.b64encode(b"x" * 32).decode(),
        "WHSEC_" + base64.b64encode(b"x" * 32).decode(),
        "whsec_" + base64.urlsafe_b64encode(b"\xff" * 33).decode(),
    ],
)
def test_what_is_no_secret_is_refused_and_it_is_said_how_to_make_one(text: str) -> None:
    with pytest.raises(ValueError, match="generate-events-secret"):
        parse_signing_secret(text)

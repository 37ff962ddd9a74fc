"""The groups that operations stand in, in the order in which an operator needs them."""

TAGS = {
    "activation links": "Invite a customer to link an Infobip account. **Begin here.**",
    "connections": "Which accounts and users of Infobip are linked: look, change, renew, end. "
    "API keys are added here.",
    "gateway": "Calls to Infobip with the live token of a connection, from your own backend "
    "(`/admin/…`, an admin key with the scope `credentials`) or from a page (`/api/…`).",
    "app": "Whether our settings and the app shell in Infobip agree.",
    "refresher": "Who keeps the tokens alive, and how well.",
    "accounts": "What apps keep for an account: its settings, and who saved them.",
    "audit": "Who did what to which connection, and what was refused.",
    "events": "What your own systems are told (`EVENTS_URL`), what did not arrive, and sending it "
    "again.",
    "operations": "Is it alive, can it serve, how is it doing.",
    "session": "For pages: who is signed in, and what happens to the connection.",
    "settings": "For pages: the account's settings.",
    "sign-in by a page": "For pages that keep the proof of a sign-in themselves.",
    "activation": "What a person sees who opens an activation link.",
    "pages": "What Infobip frames, and what a browser loads from there.",
    "signed calls": "Calls from Infobip to the app.",
}


def described_tags() -> list[dict[str, str]]:
    """As OpenAPI wants them."""
    return [{"name": name, "description": text} for name, text in TAGS.items()]

"""What the consent page says about a scope."""

# Of Infobip's scopes one is documented and one was seen; the words are ours.
_WORDS = {
    "api_read": "Use the API on your behalf",
    "conversations": "Read and write conversations",
}


def described(scope: str) -> list[tuple[str, str | None]]:
    """Each scope of a request once, with words where we have any: a scope may be any string."""
    return [(name, _WORDS.get(name)) for name in dict.fromkeys(scope.split())]

"""The form of a renewal, for those that need not know what they send."""

from urllib.parse import urlencode

FORM_HEADERS = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}

FORM = urlencode(
    {
        "grant_type": "refresh_token",
        "client_id": "8F0792F86035A9F4290821F1EE6BC06A",
        "client_secret": "YED8Q0KHeYgQxtjdUkR376Uxu0/zdvwAVZb3ZQ3GGZU=",
        "code": "3d7908aa-7b8c-4c5a-94bf-5cdeef18947b",
    }
).encode()

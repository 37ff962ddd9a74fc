"""The rules of the token endpoint, after Infobip's API authentication page.

Its error bodies are not documented; these are the ones of RFC 6749.
"""

import re

from sandbox.authorizations import Code, verifier_is_well_formed, verifier_matches
from sandbox.directory import App, User
from sandbox.tokens import Token, TokenDeadError
from sandbox.world import World

Form = dict[str, str]

_CLIENT_ID = re.compile(r"[0-9a-fA-F]{32}")
_CODE = re.compile(r"[0-9a-fA-F]{16}")


class TokenRefusedError(Exception):
    """The request is refused; ``cause`` is a short word for counting, the rest is the answer."""

    def __init__(
        self,
        error: str,
        description: str,
        *,
        cause: str,
        user: User | None = None,
        token: str | None = None,
    ) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.cause = cause
        self.user = user
        self.token = token

    @property
    def status(self) -> int:
        """401 when the client is at fault, else 400."""
        return 401 if self.error == "invalid_client" else 400


class TokenEndpoint:
    """Exchanges codes for tokens and renews tokens."""

    def __init__(self, world: World) -> None:
        self._world = world

    def exchange(self, form: Form) -> Token:
        """Redeem a code. A code that reached its client is used up, whatever comes of it."""
        app = self._client(_required(form, "client_id"))
        if "client_secret" not in form and "code_verifier" not in form:
            raise _invalid("client_secret or code_verifier is required")
        if "client_secret" in form:
            _check_secret(app, form["client_secret"])
        redirect_uri = _required(form, "redirect_uri")
        code = self._redeem(_required(form, "code"), app)
        if redirect_uri != code.request.redirect_uri:
            raise _bad_grant(
                "redirect_uri is not the one that Authorize got", "redirectUri", code.user
            )
        _check_verifier(form.get("code_verifier"), code)
        seconds = self._world.settings.token_lifetime_seconds
        return self._world.tokens.issue(code.user, app, seconds=seconds)

    def refresh(self, form: Form) -> Token:
        """Renew the live token in ``code``; client id and secret are optional but checked."""
        value = _required(form, "code")
        claimed = self._client(form["client_id"]) if "client_id" in form else None
        try:
            token = self._world.tokens.require(value)
        except TokenDeadError as dead:
            raise TokenRefusedError(
                "invalid_grant",
                f"the token is not alive: {dead.cause}",
                cause=dead.cause,
                user=dead.user,
                token=value,
            ) from None
        if claimed is not None and claimed.client_id != token.app.client_id:
            raise _bad_grant("the token belongs to another client", "client", token.user)
        if "client_secret" in form:
            app = self._world.directory.app_of_client(token.app.client_id) or token.app
            _check_secret(app, form["client_secret"])
        settings = self._world.settings
        return self._world.tokens.renew(
            token, seconds=settings.token_lifetime_seconds, mode=settings.refresh_mode
        )

    def answer(self, token: Token) -> dict[str, object]:
        """The body of a successful answer; ``roles`` and ``groups`` only for those who have any."""
        settings = self._world.settings
        infobip = settings.response_style == "infobip"
        user = token.user
        body: dict[str, object] = {
            "token" if infobip else "access_token": token.value,
            "tokenType" if infobip else "token_type": "IBSSO",
            "accountKey": user.account.key,
            "userKey": user.key,
            "username": user.username,
            "email": user.email,
            "locale": user.locale,
        }
        if user.roles is not None:
            body["roles"] = user.roles
        if user.groups is not None:
            body["groups"] = user.groups
        if settings.expires_in:
            body["expires_in"] = int(settings.token_lifetime_seconds)
        return body

    def _client(self, client_id: str) -> App:
        if not _CLIENT_ID.fullmatch(client_id):
            raise _invalid("client_id must be 32 hexadecimal characters")
        app = self._world.directory.app_of_client(client_id)
        if app is None:
            raise TokenRefusedError("invalid_client", "client_id is unknown", cause="client")
        return app

    def _redeem(self, value: str, app: App) -> Code:
        if not _CODE.fullmatch(value):
            raise _invalid("code must be 16 hexadecimal characters")
        code = self._world.authorizations.code(value)
        if code is None:
            raise _bad_grant("the code is unknown or expired", "code")
        if code.request.app.client_id != app.client_id:
            raise _bad_grant("the code was issued to another client", "client", code.user)
        if code.used:
            raise _bad_grant("the code was used before", "codeReused", code.user)
        code.used = True
        return code


def _required(form: Form, name: str) -> str:
    value = form.get(name)
    if not value:
        raise _invalid(f"{name} is required")
    return value


def _check_secret(app: App, secret: str) -> None:
    if not app.secret_matches(secret):
        raise TokenRefusedError("invalid_client", "client_secret is wrong", cause="secret")


def _check_verifier(verifier: str | None, code: Code) -> None:
    """A challenge must be answered, and nothing else may be (or PKCE could be stripped)."""
    challenge = code.request.challenge
    if challenge is None and verifier is None:
        return
    if challenge is None:
        raise _bad_grant("code_verifier without a code_challenge", "verifier", code.user)
    if verifier is None:
        raise _bad_grant("code_verifier is required", "verifier", code.user)
    if not verifier_is_well_formed(verifier):
        raise _invalid("code_verifier must be 43 to 128 of A-Z a-z 0-9 - . _ ~")
    if not verifier_matches(verifier, challenge):
        raise _bad_grant("code_verifier does not fit the challenge", "verifier", code.user)


def _invalid(description: str) -> TokenRefusedError:
    return TokenRefusedError("invalid_request", description, cause="malformed")


def _bad_grant(description: str, cause: str, user: User | None = None) -> TokenRefusedError:
    return TokenRefusedError("invalid_grant", description, cause=cause, user=user)

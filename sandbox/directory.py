"""Accounts, their users, and the apps that are registered."""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict


class AppUrls(TypedDict):
    """The addresses that an app registers."""

    redirect_uri: str
    card_url: str
    settings_url: str


class Named(TypedDict):
    """A role or a group as the token response lists it."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """A customer of Infobip."""

    key: str
    name: str
    api_key: str
    balance: float
    currency: str


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who uses the web interface of one account.

    ``roles`` and ``groups`` may be ``None``: Infobip's API authentication page calls both
    optional, and then the token response does not have the field at all.
    """

    key: str
    account: Account
    name: str
    username: str
    email: str
    locale: str
    roles: tuple[Named, ...] | None = None
    groups: tuple[Named, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A registered app ("app shell"). Without a client secret it is public and needs PKCE."""

    app_id: str
    name: str
    client_id: str
    client_secret: str | None
    redirect_uri: str
    signing_secret: str
    card_url: str
    settings_url: str

    @property
    def public(self) -> bool:
        """Whether the app has no secret."""
        return self.client_secret is None

    def secret_matches(self, secret: str) -> bool:
        """Compare in constant time; always false for a public app."""
        if self.client_secret is None:
            return False
        return hmac.compare_digest(self.client_secret.encode(), secret.encode())

    def as_json(self) -> dict[str, object]:
        """The form in which the control API shows it, credentials and all."""
        return {
            "appId": self.app_id,
            "name": self.name,
            "clientId": self.client_id,
            "clientSecret": self.client_secret,
            "redirectUri": self.redirect_uri,
            "signingSecret": self.signing_secret,
            "cardUrl": self.card_url,
            "settingsUrl": self.settings_url,
            "public": self.public,
        }


class Directory:
    """Who and what the sandbox knows, each found by its key in constant time."""

    def __init__(self, users: Iterable[User], apps: Iterable[App]) -> None:
        self.named_users: tuple[User, ...] = tuple(users)
        self._users = {user.key: user for user in self.named_users}
        self._apps_by_client: dict[str, App] = {}
        self._apps_by_id: dict[str, App] = {}
        for app in apps:
            self.add_app(app)
        self._accounts = {user.account.key: user.account for user in self.named_users}
        self._accounts_by_api_key = {a.api_key: a for a in self._accounts.values()}

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All accounts, in the order in which they were made."""
        return tuple(self._accounts.values())

    @property
    def apps(self) -> tuple[App, ...]:
        """All apps, in the order in which they were registered; the first is the default."""
        return tuple(self._apps_by_id.values())

    @property
    def user_count(self) -> int:
        """Named and generated users together."""
        return len(self._users)

    def account(self, key: str) -> Account | None:
        """Find an account by its key."""
        return self._accounts.get(key)

    def user(self, key: str) -> User | None:
        """Find a user by its key."""
        return self._users.get(key)

    def app_of_client(self, client_id: str) -> App | None:
        """Find an app by its client id."""
        return self._apps_by_client.get(client_id)

    def app(self, app_id: str) -> App | None:
        """Find an app by its app id."""
        return self._apps_by_id.get(app_id)

    def account_of_api_key(self, api_key: str) -> Account | None:
        """Find the account to which an API key belongs."""
        return self._accounts_by_api_key.get(api_key)

    def users_of(self, account: Account) -> tuple[User, ...]:
        """The named users of an account."""
        return tuple(user for user in self.named_users if user.account.key == account.key)

    def add_app(self, app: App) -> None:
        """Register one more app, or one anew that has changed."""
        self._apps_by_client[app.client_id] = app
        self._apps_by_id[app.app_id] = app

    def add_generated_user(self, account: Account) -> User:
        """Make one more user: load tests need many connections, and a connection is a user."""
        key = secrets.token_hex(16).upper()
        number = len(self._users) + 1
        user = User(
            key=key,
            account=account,
            name=f"Generated user {number}",
            username=f"generated.{number}",
            email=f"generated.{number}@example.test",
            locale="en-US",
        )
        self._users[key] = user
        return user

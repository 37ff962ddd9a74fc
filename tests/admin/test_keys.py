"""Admin keys: how they are written down, and whose secret is whose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.admin.keys import Admin, AdminKeys, Scope
from app.errors import ConfigurationError

SECRET = "a-secret-of-the-tests"
OTHER = "another-secret-of-the-tests"

names = st.text("ABCabc019._-", min_size=1, max_size=64)
secrets = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=":,"),
    min_size=16,
    max_size=40,
)
scope_sets = st.sets(st.sampled_from(list(Scope)), min_size=1)


def complaint(*entries: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        AdminKeys.parse(entries)
    return caught.value.detail


def test_a_key_without_scopes_may_read_and_write() -> None:
    keys = AdminKeys.parse([f"ops:{SECRET}"])

    assert keys.find(SECRET) == Admin("ops", frozenset({Scope.READ, Scope.WRITE}))


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("read", {Scope.READ}),
        ("write", {Scope.WRITE}),
        ("credentials", {Scope.CREDENTIALS}),
        ("credentials+read", {Scope.CREDENTIALS, Scope.READ}),
        ("read+read", {Scope.READ}),
    ],
)
def test_a_key_has_the_scopes_it_names_and_no_other(text: str, scopes: set[Scope]) -> None:
    admin = AdminKeys.parse([f"ops:{SECRET}:{text}"]).find(SECRET)

    assert admin is not None
    assert admin.scopes == scopes


@given(st.lists(st.tuples(names, secrets, scope_sets), unique_by=(lambda e: e[0], lambda e: e[1])))
def test_every_key_is_found_by_its_own_secret(entries: list[tuple[str, str, set[Scope]]]) -> None:
    keys = AdminKeys.parse(
        f"{name}:{secret}:{'+'.join(sorted(scopes))}" for name, secret, scopes in entries
    )

    assert len(keys) == len(entries)
    for name, secret, scopes in entries:
        assert keys.find(secret) == Admin(name, frozenset(scopes))
        assert keys.find(secret[:-1]) in (None, *(keys.find(other) for _, other, _ in entries))


@given(st.text())
def test_a_secret_that_nobody_has_is_nobodys(secret: str) -> None:
    keys = AdminKeys.parse([f"ops:{SECRET}", f"backend:{OTHER}:credentials"])

    assert keys.find(secret.encode(errors="replace").decode()) is None


def test_without_keys_every_secret_is_wrong() -> None:
    keys = AdminKeys.parse([])

    assert not keys
    assert keys.find("") is None


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        (SECRET, "form"),
        (f"ops:{SECRET}:read:write", "form"),
        (f":{SECRET}", "name"),
        (f"o ps:{SECRET}", "name"),
        (f"öps:{SECRET}", "name"),
        (f"{'o' * 65}:{SECRET}", "name"),
        (f"browser:{SECRET}", "name"),
        (f"settings:{SECRET}", "name"),
        ("ops:", "secret"),
        ("ops:fifteen-letters", "secret"),
        (f"ops:{SECRET} {SECRET}", "secret"),
        (f"ops:{SECRET}ž", "secret"),
        (f"ops:{'x' * 513}", "secret"),
        (f"ops:{SECRET}:", "scopes"),
        (f"ops:{SECRET}:all", "scopes"),
        (f"ops:{SECRET}:READ", "scopes"),
        (f"ops:{SECRET}:read+", "scopes"),
        (f"ops:{SECRET}:read write", "scopes"),
        (f"{SECRET}:ops", "secret"),
    ],
)
def test_what_is_wrong_is_said_by_number_and_never_shown(entry: str, what: str) -> None:
    said = complaint(f"fine:{OTHER}", entry)

    assert said.startswith("ADMIN_KEYS: entry 2 ")
    assert said.endswith(".")
    assert what in said
    assert SECRET not in said


def test_names_and_secrets_are_unique() -> None:
    said = complaint(f"ops:{SECRET}", f"ops:{OTHER}", f"backend:{SECRET}").splitlines()

    assert said == [
        "ADMIN_KEYS: entry 2 has the name of an entry before it.",
        "ADMIN_KEYS: entry 3 has the secret of an entry before it.",
    ]


@given(st.lists(st.text(min_size=8), min_size=1))
def test_no_complaint_repeats_any_of_an_entry(entries: list[str]) -> None:
    said = ""
    try:
        AdminKeys.parse(entries)
    except ConfigurationError as error:
        said = error.detail
    for entry in entries:
        assert entry not in said


def test_secrets_do_not_show_in_a_repr() -> None:
    keys = AdminKeys.parse([f"ops:{SECRET}"])

    assert SECRET not in repr(keys)
    assert SECRET not in repr(keys.find(SECRET))

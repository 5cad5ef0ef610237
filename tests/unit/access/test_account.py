"""User names, passwords, roles, and the last admin."""

from dataclasses import replace

import pytest

from heartbeat.access import account
from heartbeat.access.account import LastAdmin, Unfit, User
from heartbeat.actor import Role
from tests.unit.conftest import NOW

ANNA = User(1, "anna", Role.ADMIN, NOW, "root", "hash")
BOB = replace(ANNA, id=2, name="bob", role=Role.RESPONDER)


@pytest.mark.parametrize(
    ("text", "name"),
    [("anna", "anna"), (" Anna ", "anna"), ("a.b-c_d+e@example.com", "a.b-c_d+e@example.com")],
)
def test_a_name_is_stored_in_lower_case_without_spaces(text: str, name: str) -> None:
    assert account.name(text) == name


@pytest.mark.parametrize("name", ["", ".anna", "anna b", "änna", "a" * 101, "a\0", "<b>"])
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(Unfit, match=r"^name: must be 1 to 100 of a-z"):
        account.name(name)


@pytest.mark.parametrize("password", ["xylophone beds", "xyloph" * 33, "brown bear pie", "пароль пароль"])
def test_any_characters_make_a_password(password: str) -> None:
    assert account.password(password, "anna") == password


@pytest.mark.parametrize("password", ["", "x" * 11, "x" * 201])
def test_a_password_must_have_12_to_200_characters(password: str) -> None:
    with pytest.raises(Unfit, match=r"^password: must have 12 to 200 characters\.$"):
        account.password(password, "anna")


@pytest.mark.parametrize("password", ["anna.adamson", "Anna.AdamsonANNA.ADAMSON"])
def test_a_password_must_not_be_the_name(password: str) -> None:
    with pytest.raises(Unfit, match="own name"):
        account.password(password, "anna.adamson")
    assert account.password(password, "bob") == password


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Passw0rd!2024",
        "qwertyuiop123",
        "1q2w3e4r5t6y",
        "aaaaaaaaaaaa",
        "123456789012",
        "Welcome2026!!",
        "letmein-letmein",
        "heartbeat-anna",
        "P@$$w0rdP@$$w0rd",
    ],
)
def test_a_common_password_is_refused(password: str) -> None:
    with pytest.raises(Unfit, match=r"^password: must not consist of common words"):
        account.password(password, "anna")


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "839201746352", "Tr0ub4dor&3xk", "password of the moon", "zkjhqvbnwtrg"],
)
def test_an_uncommon_password_is_accepted(password: str) -> None:
    assert account.password(password, "anna") == password


def test_a_new_user_cannot_have_the_name_of_the_admin_key() -> None:
    with pytest.raises(Unfit, match="name of the admin key"):
        account.new_name(" Admin ")
    # A user who had it before can still sign in.
    assert account.name("admin") == "admin"


def test_a_password_is_the_same_on_every_keyboard() -> None:
    assert account.password("e\u0301tudeshumbles", "anna") == account.normal("\u00e9tudeshumbles")


@pytest.mark.parametrize("role", ["", "root", "ADMIN"])
def test_a_role_is_one_of_three(role: str) -> None:
    with pytest.raises(Unfit, match=r"^role: must be one of viewer, responder, admin\.$"):
        account.role(role)


@pytest.mark.parametrize("change", [{"role": Role.RESPONDER}, {"disabled_at": NOW}, {"password_hash": None}])
@pytest.mark.parametrize(
    ("other", "lost"),
    [
        (BOB, True),
        (replace(BOB, role=Role.ADMIN, disabled_at=NOW), True),
        (replace(BOB, role=Role.ADMIN, password_hash=None), True),
        (replace(BOB, role=Role.ADMIN), False),
        (replace(BOB, role=Role.ADMIN, password_hash=None, subject="theirs"), False),
    ],
)
def test_one_admin_always_remains(change: dict[str, object], other: User, lost: bool) -> None:
    changed = replace(ANNA, **change)  # type: ignore[arg-type]
    if lost:
        with pytest.raises(LastAdmin, match="anna is the last admin"):
            account.refuse_to_lose_admins(ANNA, changed, [ANNA, other])
    else:
        account.refuse_to_lose_admins(ANNA, changed, [ANNA, other])
    account.refuse_to_lose_admins(BOB, replace(BOB, disabled_at=NOW), [ANNA, BOB])


def test_a_user_is_active_invited_or_disabled() -> None:
    assert ANNA.state == "active"
    assert replace(ANNA, password_hash=None).state == "invited"
    assert replace(ANNA, disabled_at=NOW).state == "disabled"


def test_the_repr_of_a_user_has_no_secrets() -> None:
    assert "hash" not in repr(replace(ANNA, code_secret="the-seed"))
    assert "the-seed" not in repr(replace(ANNA, code_secret="the-seed"))

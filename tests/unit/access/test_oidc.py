"""Signing in through a provider: the accepted tokens, and the users they make."""

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from heartbeat.access import newcomer, store
from heartbeat.access import oidc as oidc_room
from heartbeat.access.oidc import AuthorizationRequest, Identity, Oidc, ProviderUnavailable, SignInFailed
from heartbeat.access.ways import Provider
from heartbeat.actor import Role
from heartbeat.database import Database
from heartbeat.settings import BadSetting, read
from tests.unit.access.conftest import add, deeds
from tests.unit.access.provider import ANOTHER, CLIENT, ISSUER, KEY, SECRET, LocalProvider
from tests.unit.conftest import NOW

SETUP = Provider(ISSUER, CLIENT, SECRET, "groups", roles={"on-call": Role.RESPONDER, "platform": Role.ADMIN})
ANNA = Identity(f"{ISSUER}\n42", "anna", Role.RESPONDER)
SETTINGS = {
    "HEARTBEAT_OIDC_ISSUER": ISSUER,
    "HEARTBEAT_OIDC_CLIENT_ID": CLIENT,
    "HEARTBEAT_OIDC_CLIENT_SECRET": SECRET,
}


@pytest.fixture
def provider() -> LocalProvider:
    return LocalProvider(NOW)


def at(provider: LocalProvider, setup: Provider = SETUP) -> Oidc:
    return Oidc(setup, provider.http(), "https://heartbeat.example.com/sign-in/oidc/back")


async def claimed(provider: LocalProvider, setup: Provider = SETUP) -> Identity:
    """Return the user that the provider identifies."""
    oidc, begun = at(provider, setup), AuthorizationRequest()
    code, state = provider.sign_in(await oidc.address(begun, NOW))
    assert state == begun.state
    return await oidc.identity(code, begun, NOW)


async def test_the_provider_identifies_the_user(provider: LocalProvider) -> None:
    assert await claimed(provider) == ANNA


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"nonce": "another"}, "another sign-in"),
        ({"nonce": None}, "another sign-in"),
        ({"aud": "somebody-else"}, "another client"),
        ({"aud": [CLIENT, "other"]}, "another client"),
        ({"aud": [CLIENT], "azp": "other"}, "another client"),
        ({"aud": None}, "another client"),
        ({"iss": "https://evil.example.com"}, "another issuer"),
        ({"exp": NOW.timestamp() - 31}, "has expired"),
        ({"exp": None}, "has expired"),
        ({"exp": "never"}, "has expired"),
        ({"iat": NOW.timestamp() + 31}, "from the future"),
        ({"sub": None}, "names no user"),
        ({"groups": ["guests"]}, "no role here"),
        ({"groups": None}, "no role here"),
    ],
)
async def test_a_token_for_another_sign_in_is_refused(
    provider: LocalProvider, claims: dict[str, Any], problem: str
) -> None:
    provider.claims |= claims
    with pytest.raises(SignInFailed, match=problem):
        await claimed(provider)


def unsigned() -> str:
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none"}, {"iss": ISSUER, "aud": CLIENT, "sub": "42"})
    )
    return f"{head}.{body}."


def signed_by_what_the_browser_knows() -> str:
    key = OctKey.import_key("a secret that the browser knows, long enough")
    return jwt.encode({"alg": "HS256"}, {"iss": ISSUER, "aud": CLIENT, "sub": "42"}, key)


@pytest.mark.parametrize("token", [unsigned(), signed_by_what_the_browser_knows(), "x", "a.b.c", ""])
async def test_a_token_that_the_provider_has_not_signed_is_refused(
    provider: LocalProvider, token: str
) -> None:
    provider.token = token or " "
    with pytest.raises(SignInFailed, match="not signed by the provider"):
        await claimed(provider)


async def test_a_token_signed_by_another_key_of_the_same_name_is_refused(provider: LocalProvider) -> None:
    provider.key = ANOTHER
    with pytest.raises(SignInFailed, match="not signed by the provider"):
        await claimed(provider)


async def test_a_changed_signing_key_is_fetched(provider: LocalProvider) -> None:
    oidc, begun = at(provider), AuthorizationRequest()
    code, _ = provider.sign_in(await oidc.address(begun, NOW))
    provider.key = provider.shown = ANOTHER
    assert await oidc.identity(code, begun, NOW) == ANNA


async def test_a_code_works_once_and_only_with_its_verifier(provider: LocalProvider) -> None:
    oidc, begun = at(provider), AuthorizationRequest()
    code, _ = provider.sign_in(await oidc.address(begun, NOW))
    with pytest.raises(SignInFailed, match="did not answer properly"):
        await oidc.identity(code, AuthorizationRequest(begun.state, begun.nonce, "another"), NOW)
    with pytest.raises(SignInFailed):
        await oidc.identity(code, begun, NOW)


async def test_an_unreachable_or_wrong_provider_is_reported(provider: LocalProvider) -> None:
    provider.issuer = "https://evil.example.com"
    with pytest.raises(SignInFailed, match="own name is not the one"):
        await at(provider).address(AuthorizationRequest(), NOW)
    provider.down = True
    with pytest.raises(SignInFailed, match="Try again, or sign in another way"):
        await at(provider).address(AuthorizationRequest(), NOW)


@pytest.mark.parametrize(
    "about",
    [
        {"token_endpoint": None},
        {"authorization_endpoint": None},
        {"jwks_uri": None},
        {"jwks_uri": 7},
        {"token_endpoint": "http://id.example.com/token"},
    ],
)
async def test_incomplete_metadata_of_a_provider_is_reported(
    provider: LocalProvider, about: dict[str, Any]
) -> None:
    provider.about |= about
    with pytest.raises(ProviderUnavailable, match=f"does not publish its {next(iter(about))}. Ask an admin"):
        await at(provider).address(AuthorizationRequest(), NOW)


@pytest.mark.parametrize(
    "issuer", ["http://localhost:8080/realms/ops", "http://127.0.0.1/x", "http://[::1]:9/"]
)
async def test_a_provider_on_this_machine_needs_no_tls(provider: LocalProvider, issuer: str) -> None:
    assert read({**SETTINGS, "HEARTBEAT_OIDC_ISSUER": issuer}).oidc_issuer == issuer
    provider.about |= {"token_endpoint": f"{issuer}/token"}
    assert await at(provider).address(AuthorizationRequest(), NOW)


async def test_an_invalid_address_counts_as_an_unreachable_provider(provider: LocalProvider) -> None:
    provider.about |= {"jwks_uri": "https://id.example.com:99999999/keys"}
    with pytest.raises(ProviderUnavailable, match="did not answer properly"):
        await at(provider).address(AuthorizationRequest(), NOW)


@pytest.mark.parametrize(
    "stranger",
    [
        {"kty": "AKP", "alg": "ML-DSA-44", "kid": "to-come", "pub": "AAAA"},
        {"kty": "EC", "crv": "P-none", "x": "AA", "y": "AA", "kid": "odd"},
        {"kty": "RSA", "kid": "half"},
        {**KEY.as_dict(private=False), "use": "enc"},
        "no key at all",
        None,
    ],
)
async def test_unknown_kinds_of_keys_are_ignored(provider: LocalProvider, stranger: Any) -> None:
    provider.beside = [stranger]
    assert await claimed(provider) == ANNA
    provider.beside, provider.hidden = [stranger], True
    with pytest.raises(ProviderUnavailable, match="publishes no key that it signs with"):
        await at(provider).address(AuthorizationRequest(), NOW)


async def test_many_sign_ins_at_once_query_the_provider_once(provider: LocalProvider) -> None:
    oidc = at(provider)
    await asyncio.gather(*(oidc.address(AuthorizationRequest(), NOW) for _ in range(50)))
    assert provider.asked == ["/.well-known/openid-configuration", "/jwks"]
    provider.asked.clear()
    provider.down = True
    late = NOW + timedelta(hours=1)
    failures = await asyncio.gather(
        *(oidc.address(AuthorizationRequest(), late) for _ in range(50)), return_exceptions=True
    )
    assert {type(failure) for failure in failures} == {ProviderUnavailable}
    assert provider.asked == ["/.well-known/openid-configuration"]
    provider.down = False
    assert await oidc.address(AuthorizationRequest(), late)


async def test_a_provider_that_hangs_is_unavailable(
    provider: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_room, "BOUND", 0.01)
    provider.hangs = True
    with pytest.raises(ProviderUnavailable, match="did not answer properly"):
        await at(provider).address(AuthorizationRequest(), NOW)


async def test_the_number_of_codes_exchanged_at_once_is_limited(provider: LocalProvider) -> None:
    oidc = at(provider)
    await oidc.address(AuthorizationRequest(), NOW)
    tries = [oidc.identity("forged", AuthorizationRequest(), NOW) for _ in range(oidc_room.AT_ONCE + 5)]
    refused = await asyncio.gather(*tries, return_exceptions=True)
    assert sum("Too many people are signing in" in str(error) for error in refused) == 5
    assert provider.asked.count("/token") == oidc_room.AT_ONCE
    assert await claimed(provider) == ANNA


async def test_the_log_warns_once_a_minute_without_secrets(
    provider: LocalProvider, caplog: pytest.LogCaptureFixture
) -> None:
    oidc, begun = at(provider), AuthorizationRequest()
    await oidc.address(begun, NOW)
    for seconds in (0, 59, 60):
        with pytest.raises(ProviderUnavailable):
            await oidc.identity("a-forged-code", begun, NOW + timedelta(seconds=seconds))
    messages = [record.getMessage() for record in caplog.records if record.name == "heartbeat.access.oidc"]
    assert messages == [f"sign-in by the provider: {ISSUER}/token answered 400 'invalid_grant'"] * 2
    assert SECRET not in caplog.text


async def test_the_highest_of_several_roles_counts(provider: LocalProvider) -> None:
    provider.claims |= {"groups": ["on-call", "platform", 7]}
    assert (await claimed(provider)).role is Role.ADMIN
    provider.claims |= {"groups": [], "preferred_username": "No Name", "email": "Anna@example.com"}
    provider.claims |= {"email_verified": True}
    everybody = Provider(ISSUER, CLIENT, SECRET, "groups", default_role=Role.VIEWER)
    identity = await claimed(provider, everybody)
    assert (identity.role, identity.name) == (Role.VIEWER, "anna@example.com")


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": None, "email": "boss@example.com"}, "42"),
        ({"preferred_username": None, "email": "boss@example.com", "email_verified": False}, "42"),
        ({"preferred_username": None, "email": "boss@example.com", "email_verified": "true"}, "42"),
        (
            {"preferred_username": None, "email": "boss@example.com", "email_verified": True},
            "boss@example.com",
        ),
        ({"preferred_username": "boss@example.com", "email_verified": False}, "42"),
        ({"preferred_username": "boss@example.com"}, "boss@example.com"),
        # The holder of the admin key acts under this name.
        ({"preferred_username": "Admin"}, "42"),
        ({"preferred_username": "admin", "sub": "no|name"}, ""),
    ],
)
async def test_a_name_comes_from_claims_that_nobody_can_make_up(
    provider: LocalProvider, claims: dict[str, Any], name: str
) -> None:
    provider.claims |= claims
    assert (await claimed(provider)).name == name


async def test_a_provider_must_give_a_name_only_to_new_users(database: Database) -> None:
    nameless = Identity(ANNA.subject, "", Role.RESPONDER)
    with pytest.raises(SignInFailed, match="gives no name"):
        await database.write(lambda db: newcomer.welcome(db, nameless, NOW, ""))
    first = await database.write(lambda db: newcomer.welcome(db, ANNA, NOW, ""))
    assert await database.write(lambda db: newcomer.welcome(db, nameless, NOW, "")) == first


async def test_a_user_is_made_once_and_their_role_follows_the_provider(database: Database) -> None:
    first = await database.write(lambda db: newcomer.welcome(db, ANNA, NOW, "192.0.2.1"))
    assert (first.name, first.role, first.state) == ("anna", Role.RESPONDER, "active")
    renamed = Identity(ANNA.subject, "anna.b", Role.ADMIN)
    changed = await database.write(lambda db: newcomer.welcome(db, renamed, NOW, ""))
    assert (changed.id, changed.name, changed.role) == (first.id, "anna", Role.ADMIN)
    assert [deed.action for deed in await deeds(database)] == ["user.role", "user.make"]


async def test_a_local_user_is_never_taken_over(database: Database) -> None:
    await database.write(add)
    with pytest.raises(SignInFailed, match="already named anna"):
        await database.write(lambda db: newcomer.welcome(db, ANNA, NOW, ""))


async def test_a_disabled_user_cannot_sign_in_through_the_provider(database: Database) -> None:
    user = await database.write(lambda db: newcomer.welcome(db, ANNA, NOW, ""))
    await database.write(lambda db: store.change_user(db, user.id, disabled_at=NOW + timedelta(0)))
    with pytest.raises(SignInFailed, match="account is disabled"):
        await database.write(lambda db: newcomer.welcome(db, ANNA, NOW, ""))


def test_the_settings_describe_the_provider() -> None:
    settings = read({**SETTINGS, "HEARTBEAT_OIDC_ROLES": "a=b=admin, c=viewer"})
    assert settings.oidc_roles == (("a=b", "admin"), ("c", "viewer"))
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"HEARTBEAT_OIDC_ISSUER": "http://id.example.com"}, "must begin with https"),
        ({"HEARTBEAT_OIDC_ISSUER": "http://localhost.example.com"}, "must begin with https"),
        ({"HEARTBEAT_OIDC_ISSUER": "http://127.0.0.1@example.com"}, "must begin with https"),
        ({"HEARTBEAT_OIDC_ISSUER": "https://"}, "must begin with https"),
        ({"HEARTBEAT_OIDC_ISSUER": "http://[::1"}, "must begin with https"),
        ({"HEARTBEAT_OIDC_CLIENT_SECRET": ""}, "needs HEARTBEAT_OIDC_CLIENT_ID and"),
        ({"HEARTBEAT_OIDC_ROLES": "admins"}, "ops=admin"),
        ({"HEARTBEAT_OIDC_ROLES": "a=root"}, "ops=admin"),
        ({"HEARTBEAT_OIDC_DEFAULT_ROLE": "root"}, "one of viewer, responder, admin"),
    ],
)
def test_an_incomplete_provider_is_refused(change: dict[str, str], problem: str) -> None:
    with pytest.raises(BadSetting, match=problem):
        read({**SETTINGS, **change})


def test_the_start_fails_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heartbeat.sign_in_settings.find_spec", lambda name: None)
    with pytest.raises(BadSetting, match=r"install heartbeat\[oidc\]"):
        read(SETTINGS)
    assert read({}).oidc_issuer == ""

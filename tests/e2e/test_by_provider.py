"""Signing in by an OpenID Connect provider: the provider, a proxy that ends TLS and heartbeat are processes of their
own, and a real browser goes from one to the other.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from heartbeat.access import oidc
from tests.e2e import walk
from tests.e2e.authority import Papers, papers
from tests.e2e.conftest import Serve
from tests.e2e.doorman import FROM, Doorman
from tests.e2e.provider import Provider
from tests.e2e.service import ADMIN_KEY, Service
from tests.e2e.visitor import Visitor, visiting

pytestmark = walk.MARKS

chromium = walk.chromium

BUTTON = "Sign in with your provider"
NO_ANSWER = "The provider did not answer properly. Try again, or sign in another way."


@dataclass
class Place:
    """An installation, where it is to be found, and its provider."""

    service: Service
    url: str
    provider: Provider


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """The authority that this installation trusts."""
    return papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture
def provider(tmp_path: Path, paper: Papers) -> Iterator[Provider]:
    """A provider that runs."""
    made = Provider(tmp_path, paper).start()
    yield made
    made.end()


@pytest.fixture
def place(serve: Serve, tmp_path: Path, paper: Papers, provider: Provider) -> Iterator[Callable[..., Place]]:
    """Makes an installation with this provider, served over TLS: `place(NAME="value in its environment")`."""
    doors: list[Doorman] = []

    def make(**environment: str) -> Place:
        service = serve("", **provider.settings | environment)
        doors.append(Doorman(tmp_path, paper, service.url, signs_in=False))
        service.environment |= {"HEARTBEAT_PUBLIC_URL": doors[-1].url, "HEARTBEAT_TRUSTED_PROXY": FROM}
        service.start()
        return Place(service, doors[-1].start().url, provider)

    yield make
    for context in doors:
        context.end()


async def leave(visitor: Visitor, wanted: str = "/") -> None:
    """Go to the provider, as somebody does who wants to see this page."""
    await visitor.to(wanted)
    await visitor.follow(BUTTON)
    await visitor.reads("Who are you?")


async def come_in(visitor: Visitor, name: str, wanted: str = "/") -> None:
    """Be signed in as one whom the provider knows."""
    await leave(visitor, wanted)
    await visitor.press(f"I am {name}")
    await visitor.is_at(wanted)


async def come_back(visitor: Visitor, name: str = "Anna") -> int:
    """Sign in there; the status with which one is received here."""
    await leave(visitor, "/sign-in")
    return (await visitor.sends(f"I am {name}")).status


async def test_the_provider_says_who_one_is_and_what_one_may(
    place: Callable[..., Place], chromium: Browser
) -> None:
    here = place()
    async with visiting(chromium, here.url) as anna, visiting(chromium, here.url) as bob:
        await anna.to("/sign-in")
        await anna.photograph("sign-in-provider")
        await come_in(anna, "Anna", "/checks")
        cookies = {one["name"]: one for one in await anna.page.context.cookies(here.url)}
        assert set(cookies) == {"__Host-heartbeat"}
        kept = cookies["__Host-heartbeat"]
        assert (kept["secure"], kept["httpOnly"], kept["sameSite"]) == (True, True, "Lax")
        await anna.to("/account")
        await anna.reads("You have the role admin.")
        await anna.photograph("account-by-provider")

        await come_in(bob, "Bob")
        await bob.to("/account")
        await bob.reads("You have the role responder.")
        await anna.to("/users")
        await anna.reads("bob.b")
        await anna.to("/audit")
        for words in ("user bob.b", "OpenID Connect"):
            await anna.reads(words)

        await bob.press("Sign out")
        await bob.is_at("/sign-in")
        await bob.photograph("sign-in-provider-and-password")
        assert await bob.to("/checks") == 200
        assert "/sign-in" in bob.page.url


async def test_who_has_no_role_stays_out_unless_there_is_one_for_everybody(
    place: Callable[..., Place], chromium: Browser
) -> None:
    here = place()
    async with visiting(chromium, here.url) as guest:
        assert await come_back(guest, "Guest") == 403
        await guest.reads("The provider gives you no role here. Ask an admin.")
        await guest.photograph("provider-no-role")
    here.service.sigterm()
    here.service.environment["HEARTBEAT_OIDC_DEFAULT_ROLE"] = "viewer"
    here.service.start()
    async with visiting(chromium, here.url) as guest:
        await come_in(guest, "Guest")
        await guest.to("/account")
        await guest.reads("guest@example.com")
        await guest.reads("You have the role viewer.")


async def test_a_role_is_that_of_today(place: Callable[..., Place], chromium: Browser) -> None:
    here = place()
    async with visiting(chromium, here.url) as desk, visiting(chromium, here.url) as phone:
        await come_in(desk, "Anna")
        here.provider.tell(claims={"groups": ["on-call"], "preferred_username": "anna.b"})
        await come_in(phone, "Anna")
        await phone.to("/account")
        await phone.reads("You have the role responder.")
        # What began with the role of before is over, and the name stays that by which she is known here.
        await desk.to("/users")
        assert "/sign-in" in desk.page.url
        await phone.reads("anna")


MISBEHAVIOUR: Sequence[tuple[dict[str, Any], int, str]] = [
    ({"claims": {"aud": "another-client"}}, 403, "The ID token is meant for another client."),
    ({"claims": {"nonce": "of-another-sign-in"}}, 403, "The ID token belongs to another sign-in."),
    ({"claims": {"iss": "https://evil.example.com"}}, 403, "The ID token comes from another issuer."),
    ({"skew": -400}, 403, "The ID token has expired."),
    ({"skew": 120}, 403, "The ID token comes from the future: the provider's clock or ours is wrong."),
    ({"spoilt": "client"}, 502, NO_ANSWER),
]


async def test_an_answer_that_is_not_for_this_sign_in_lets_nobody_in(
    place: Callable[..., Place], chromium: Browser
) -> None:
    here = place()
    async with visiting(chromium, here.url) as eve:
        for how, status, words in MISBEHAVIOUR:
            here.provider.tell(**how)
            assert await come_back(eve) == status, how
            await eve.reads(words)
            await eve.to("/")
            assert "/sign-in" in eve.page.url, how
        assert "/ops/token answered 401 'invalid_client'" in here.service.output()
        # Clocks that differ by a little are no misbehaviour.
        here.provider.tell(skew=20)
        await come_in(eve, "Anna")


async def test_only_the_browser_that_has_left_comes_back(
    place: Callable[..., Place], chromium: Browser
) -> None:
    here = place()
    over = "This sign-in took too long, or began in another browser. Start again."
    async with visiting(chromium, here.url) as anna, visiting(chromium, here.url) as eve:
        await leave(anna)
        await anna.page.locator("input[name=state]").evaluate("one => one.value += 'x'")
        assert (await anna.sends("I am Anna")).status == 403
        await anna.reads(over)

        # Eve signs in there as herself, and has Anna's browser follow the link that leads back.
        await leave(eve)
        fields: dict[str, str | float | bool] = await eve.page.locator("form").evaluate(
            "form => Object.fromEntries(new FormData(form))"
        )
        there = f"{here.provider.issuer}/authorize"
        sent_back = await eve.page.request.post(there, form=fields | {"person": "Bob"}, max_redirects=0)
        answer = sent_back.headers["location"]
        assert await anna.to(answer) == 403
        await anna.reads(over)
        assert await eve.to(answer) == 200
        await eve.is_at("/")
        assert await eve.to(answer) == 403, "an answer is taken once"


async def test_who_refuses_there_is_told_so_here(place: Callable[..., Place], chromium: Browser) -> None:
    here = place()
    async with visiting(chromium, here.url) as anna:
        await leave(anna)
        assert (await anna.sends("Refuse")).status == 403
        await anna.reads("The provider refused the sign-in.")


async def test_the_provider_changes_its_keys(place: Callable[..., Place], chromium: Browser) -> None:
    here = place()
    for how in ({}, {"rotated": 1}, {"alg": "ES256"}, {"alg": "ES256", "rotated": 2}):
        here.provider.tell(**how)
        async with visiting(chromium, here.url) as anna:
            await come_in(anna, "Anna")
    async with visiting(chromium, here.url) as anna:
        await come_in(anna, "Anna")
    asked = [path.rpartition("/")[2] for path in here.provider.asked()]
    assert asked.count("token") == 5
    assert asked.count("keys") == 4, "its keys are asked for once, and anew when it signs with another"


async def test_a_provider_that_is_away_is_told_in_one_sentence(
    place: Callable[..., Place], chromium: Browser
) -> None:
    here = place()
    async with visiting(chromium, here.url) as anna:
        here.provider.end()
        here.service.sigterm()
        here.service.start()
        await anna.to("/checks")
        await anna.follow(BUTTON)
        await anna.reads(NO_ANSWER)
        await anna.photograph("provider-down")
        assert "cannot be reached" in here.service.output(), "the log says why"

        await anna.follow("To the sign-in page")
        await anna.page.get_by_label("Admin key").fill(ADMIN_KEY)
        await anna.press("Sign in with the key")
        await anna.is_at("/")
        await anna.press("Sign out")
        here.provider.start()
        await come_in(anna, "Anna")


async def test_a_provider_that_hangs_holds_up_nobody_else(
    place: Callable[..., Place], chromium: Browser
) -> None:
    here = place()
    async with visiting(chromium, here.url) as anna, visiting(chromium, here.url) as root:
        await anna.to("/sign-in")
        here.provider.freeze()
        began = time.monotonic()
        waiting = asyncio.create_task(anna.page.goto(f"{here.url}/sign-in/oidc"))
        await root.to("/sign-in")
        await root.page.get_by_label("Admin key").fill(ADMIN_KEY)
        await root.press("Sign in with the key")
        await root.is_at("/")
        assert not waiting.done()
        answer = await waiting
        assert answer is not None
        assert answer.status == 502
        assert time.monotonic() - began < oidc.BOUND + 5
        await anna.reads(NO_ANSWER)
        here.provider.thaw()
        await come_in(anna, "Anna")


async def test_a_certificate_that_is_not_trusted_is_not_taken(
    place: Callable[..., Place], chromium: Browser
) -> None:
    here = place(SSL_CERT_FILE="")
    async with visiting(chromium, here.url) as anna:
        assert await anna.to("/sign-in/oidc") == 502
        await anna.reads(NO_ANSWER)
    assert "certificate verify failed" in here.service.output()
    assert here.provider.asked() == []


async def test_a_provider_that_does_not_say_what_it_must_is_told_so(
    place: Callable[..., Place], chromium: Browser
) -> None:
    here = place()
    async with visiting(chromium, here.url) as anna:
        for missing in oidc.ENDPOINTS:
            here.provider.tell(spoilt=missing)
            assert await anna.to("/sign-in/oidc") == 502
            await anna.reads(f"The provider does not publish its {missing}. Ask an admin.")
        here.provider.tell(spoilt="issuer")
        await anna.to("/sign-in/oidc")
        await anna.reads("The provider's own name is not the one in HEARTBEAT_OIDC_ISSUER. Ask an admin.")
        here.provider.tell()
        await come_in(anna, "Anna")

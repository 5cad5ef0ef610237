"""Coming in for the first time, by invitation, by password and by a second factor: a real process, a real browser."""

import hmac
import re
import struct
import time
from base64 import b32decode
from urllib.parse import quote

import httpx
import segno
from playwright.async_api import Browser, expect

from tests.e2e import walk
from tests.e2e.conftest import Serve
from tests.e2e.service import ADMIN_KEY, Service
from tests.e2e.visitor import SOON, Visitor, visiting

pytestmark = walk.MARKS

chromium = walk.chromium

ANNAS, BOBS = "correct horse battery", "staple of a wet Thursday"
FIRST = re.compile(r"create the first user \(within 24 h\): (\S+)\n")


def printed_link(service: Service) -> str:
    """The link that the service has printed at its start."""
    found = FIRST.search(service.output())
    assert found, service.output()
    return found[1]


async def choose(visitor: Visitor, password: str) -> None:
    """Choose a password on the page of a one-time link."""
    await visitor.fill(Password=password, Repeat_the_password=password)


async def make_first(anna: Visitor, service: Service) -> None:
    """Create the first user, as whoever has started the service does."""
    await anna.to(printed_link(service))
    await anna.fill(Name="Anna")
    await choose(anna, ANNAS)
    await anna.press("Create the user and sign in")
    await anna.is_at("/")


async def invite(anna: Visitor, name: str, role: str) -> str:
    """Invite somebody; the link that is shown."""
    await anna.to("/users")
    await anna.fill(Name=name)
    await anna.page.get_by_label("Role").select_option(role)
    await anna.press("Invite")
    await anna.reads(f"{name} is invited")
    return await anna.page.locator("pre.line code").inner_text()


async def invited(anna: Visitor, bob: Visitor) -> None:
    """Have a responder who has joined."""
    await bob.to(await invite(anna, "bob", "responder"))
    await choose(bob, BOBS)
    await bob.press("Set the password and sign in")
    await bob.is_at("/")


async def test_from_a_printed_link_to_an_admin_and_a_responder(serve: Serve, chromium: Browser) -> None:
    service = serve("").start()
    async with visiting(chromium, service.url) as anna, visiting(chromium, service.url) as bob:
        await anna.to("/")
        await anna.reads("Create the first one with the link that heartbeat printed at its start.")
        await anna.photograph("sign-in-no-users")

        await anna.to(printed_link(service))
        await anna.reads("This user is an admin and can invite the others. This link works once.")
        await anna.photograph("first-user")
        await anna.fill(Name="Anna", Password=ANNAS, Repeat_the_password="correct horse batterie")
        await anna.press("Create the user and sign in")
        await anna.reads("password: the two entries differ. Type the same password twice.")
        await choose(anna, ANNAS)
        await anna.press("Create the user and sign in")
        await anna.is_at("/")
        assert await anna.page.get_by_role("link", name="anna").is_visible()

        assert await bob.to(printed_link(service)) == 410
        await bob.reads("This link was already used or has expired. Ask an admin for a new one")
        await bob.photograph("link-is-over")

        link = await invite(anna, "bob", "responder")
        await bob.to(link)
        await bob.reads("You will sign in as bob, with the role responder.")
        await bob.photograph("join")
        await choose(bob, BOBS)
        await bob.press("Set the password and sign in")
        await bob.is_at("/")
        assert await bob.to("/users") == 403
        await bob.reads("bob has the role responder. Ask an admin.")
        assert await anna.to(link) == 410


async def test_signing_out_and_in_again(serve: Serve, chromium: Browser) -> None:
    service = serve("").start()
    async with visiting(chromium, service.url) as anna, visiting(chromium, service.url) as bob:
        await make_first(anna, service)
        await anna.press("Sign out")
        await anna.is_at("/sign-in")
        await anna.page.go_back()
        await anna.page.reload()
        await anna.reads("Sign in")
        assert await anna.page.get_by_role("button", name="Sign out").count() == 0

        assert (await anna.sign_in("anna", "wrong horse battery")).status == 403
        await anna.reads("The name or the password is wrong.")
        assert await anna.page.get_by_label("Name").input_value() == "anna"
        await anna.photograph("sign-in-wrong")
        await anna.to("/checks")
        assert anna.page.url.endswith("/sign-in?next=/checks")
        await anna.fill(Name=" ANNA ", Password=ANNAS)
        await anna.press("Sign in")
        await anna.is_at("/checks")

        # The admin key is a way in of its own, and looks as little like the usual one as it can.
        await bob.to("/sign-in")
        assert not await bob.page.get_by_label("Admin key").is_visible()
        await bob.page.get_by_text("Sign in with the admin key").click()
        await bob.fill(Admin_key="an admin key that was guessed")
        assert (await bob.sends("Sign in with the key")).status == 403
        await bob.reads("This is not the admin key.")


async def test_an_open_page_says_so_when_its_sign_in_has_ended(serve: Serve, chromium: Browser) -> None:
    service = serve("").start()
    async with visiting(chromium, service.url) as anna, visiting(chromium, service.url) as bob:
        await make_first(anna, service)
        await invited(anna, bob)
        await bob.to("/checks")
        await expect(bob.page.locator("#live")).to_have_text("live", timeout=SOON)
        await anna.to("/users/bob")
        await anna.follow("Disable…")
        await anna.press("Disable bob")
        told = bob.page.locator("#live")
        await expect(told).to_have_text("signed out: reload the page to sign in", timeout=2 * SOON)
        await bob.photograph("signed-out-elsewhere")
        # The browser notes that it was sent from its stream to the sign-in page.
        assert all("EventSource" in fault for fault in bob.faults), bob.faults
        bob.faults.clear()
        await bob.page.reload()
        await bob.reads("Sign in")
        assert (await bob.sign_in("bob", BOBS)).status == 403
        await bob.reads("The name or the password is wrong.")


async def test_who_tries_too_often_is_told_how_long_to_wait(serve: Serve, chromium: Browser) -> None:
    service = serve("").start()
    async with visiting(chromium, service.url) as anna, visiting(chromium, service.url) as root:
        await make_first(anna, service)
        await anna.press("Sign out")
        # Ten wrong tries, each from an address of its own.
        for last in range(10, 20):
            transport = httpx.AsyncHTTPTransport(local_address=f"127.0.0.{last}")
            async with httpx.AsyncClient(transport=transport, base_url=service.url) as thief:
                guess = {"name": "anna", "password": f"guess number {last}"}
                assert (await thief.post("/sign-in", data=guess)).status_code == 403
        refused = await anna.sign_in("anna", ANNAS)
        assert refused.status == 429
        assert 200 < int(refused.headers["retry-after"]) <= 300
        await anna.reads("Too many attempts for this name. Wait ")
        await anna.photograph("sign-in-too-often")

        # Nobody is locked out for good: whoever has the admin key comes in all the same.
        await root.to("/sign-in")
        await root.page.get_by_text("Sign in with the admin key").click()
        await root.fill(Admin_key=ADMIN_KEY)
        await root.press("Sign in with the key")
        await root.is_at("/")

        for _ in range(10):
            refused = await anna.sign_in("nobody", "a guess")
            if refused.status == 429:
                break
        assert refused.status == 429
        await anna.reads("Too many attempts from this address. Wait ")
        assert 0 < int(refused.headers["retry-after"]) <= 60


def code(secret: str, step: int) -> str:
    """The code of a time step, as a phone computes it (RFC 4226, section 5.3; RFC 6238)."""
    digest = hmac.digest(b32decode(secret), struct.pack(">Q", step), "sha1")
    start = digest[-1] & 15
    (number,) = struct.unpack(">I", digest[start : start + 4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06d}"


async def enrol(bob: Visitor, service: Service) -> tuple[str, int, list[str]]:
    """Turn the second factor on: the secret, the step whose code was used up by that, the recovery codes."""
    await bob.to("/account")
    await bob.follow("Turn on…")
    shown = await bob.page.get_by_text("Or enter this secret by hand").locator("code").inner_text()
    secret = shown.replace(" ", "")
    host = quote(f"heartbeat {service.url.removeprefix('http://')}")
    there = f"otpauth://totp/{host}:bob?secret={secret}&issuer={host}"
    drawn = await bob.page.locator(".qr svg path").last.get_attribute("d")
    assert drawn is not None
    assert f'd="{drawn}"' in segno.make(there).svg_inline(scale=5, border=2, light="#fff")
    await bob.photograph("second-factor")
    await bob.fill(Code="123 45")
    assert (await bob.sends("Turn it on")).status == 422
    await bob.reads("The code is wrong, expired or already used. Wait for the next one.")
    assert shown == await bob.page.get_by_text("Or enter this secret by hand").locator("code").inner_text()
    step = int(time.time()) // 30
    await bob.fill(Code=code(secret, step))
    await bob.press("Turn it on")
    await bob.reads("Your second factor is on")
    await bob.photograph("recovery-codes")
    codes = (await bob.page.locator("pre.line code").inner_text()).split()
    assert len(codes) == 10
    return secret, step, codes


async def asked_for_code(bob: Visitor) -> None:
    """Give the password, and be asked for a code."""
    await bob.sign_in("bob", BOBS)
    await bob.reads("Enter your code")


async def test_a_code_of_the_phone_is_wanted_beside_the_password(serve: Serve, chromium: Browser) -> None:
    service = serve("").start()
    async with visiting(chromium, service.url) as anna, visiting(chromium, service.url) as bob:
        await make_first(anna, service)
        await invited(anna, bob)
        secret, step, codes = await enrol(bob, service)
        await bob.press("Sign out")

        await asked_for_code(bob)
        await bob.photograph("sign-in-code")
        assert await bob.page.get_by_label("Code from your authenticator").evaluate(
            "one => one === document.activeElement"
        )
        await bob.fill(Code_from_your_authenticator="000000")
        assert (await bob.sends("Sign in")).status == 403
        await bob.reads("The code is wrong, expired or already used. Wait for the next one.")
        await bob.photograph("sign-in-code-wrong")
        # The code by which it was turned on is used up; that of the next half minute is taken early.
        await bob.fill(Code_from_your_authenticator=code(secret, step))
        assert (await bob.sends("Sign in")).status == 403
        await bob.fill(Code_from_your_authenticator=code(secret, step + 1))
        await bob.press("Sign in")
        await bob.is_at("/")

        async with visiting(chromium, service.url) as thief:
            await asked_for_code(thief)
            await thief.fill(Code_from_your_authenticator=code(secret, step + 1))
            assert (await thief.sends("Sign in")).status == 403
            await thief.reads("wrong, expired or already used")
            assert await thief.to("/") == 200
            assert "/sign-in" in thief.page.url

        # The phone is lost: a recovery code, however it is typed, works once.
        await bob.press("Sign out")
        await asked_for_code(bob)
        await bob.fill(Code_from_your_authenticator=codes[3].upper().replace("-", " "))
        await bob.press("Sign in")
        await bob.is_at("/")
        await bob.to("/account")
        await bob.reads("9 recovery codes are left.")
        await bob.press("Sign out")
        await asked_for_code(bob)
        await bob.fill(Code_from_your_authenticator=codes[3])
        assert (await bob.sends("Sign in")).status == 403


async def test_who_has_lost_phone_and_codes_is_let_in_again_by_an_admin(
    serve: Serve, chromium: Browser
) -> None:
    service = serve("").start()
    async with visiting(chromium, service.url) as anna, visiting(chromium, service.url) as bob:
        await make_first(anna, service)
        await invited(anna, bob)
        await enrol(bob, service)
        await bob.press("Sign out")
        await asked_for_code(bob)

        await anna.to("/users/bob")
        await anna.follow("Reset…")
        await anna.reads("Their password and second factor are removed, and their sign-ins end.")
        await anna.press("Reset bob")
        await anna.reads("bob is reset")
        link = await anna.page.locator("pre.line code").inner_text()
        await bob.to(link)
        await choose(bob, f"{BOBS} again")
        await bob.press("Set the password and sign in")
        await bob.is_at("/")
        await bob.press("Sign out")
        await bob.sign_in("bob", f"{BOBS} again")
        await bob.is_at("/")
        await bob.to("/account")
        await bob.reads("Off. Turn it on so that a stolen password is not enough to sign in.")

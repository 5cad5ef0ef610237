"""Walks through coming in and who may: passwords, the second factor, users, keys; and what is read where it fails."""

import re

import httpx
import pyotp
from playwright.async_api import Browser, expect

from alerting import desk
from alerting.origin import Origin
from alerting.person import Person
from tests.e2e import office, walk
from tests.e2e.acting import does
from tests.e2e.fleet import NOW
from tests.e2e.inspection import faults_of
from tests.e2e.office import CODE_SECRET, PASSWORD
from tests.e2e.walk import MARKS, NARROW, Place, Walk, walking

pytestmark = MARKS
chromium, place = walk.chromium, office.place

ANOTHER = "staple of a wet Thursday"


async def sign_in(walker: Walk, name: str, password: str = PASSWORD) -> None:
    await walker.to("/sign-in")
    await walker.fill(Name=name, Password=password)
    await walker.press("Sign in")


@does("/sign-in", "/sign-out")
async def test_in_and_out_again_without_script(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False) as walker:
        await walker.to("/incidents?before=9")
        await walker.fill(Name="anna", Password="a wrong guess at it")
        await walker.press("Sign in")
        await walker.reads("The name or the password is wrong.")
        await expect(walker.page.get_by_label("Name")).to_have_value("anna")
        assert await faults_of(walker, "sign-in-wrong") == []
        await walker.fill(Password=PASSWORD)
        await walker.press("Sign in")
        await walker.is_at("/incidents?before=9")
        await walker.press("Sign out")
        await walker.is_at("/sign-in")

        await walker.page.get_by_text("Sign in with the admin key").click()
        await walker.fill(Admin_key="guessed")
        await walker.press("Sign in with the key")
        await walker.reads("This is not the admin key.")
        await sign_in(walker, "max")
        await walker.reads("The name or the password is wrong.")


@does("/sign-in")
async def test_a_code_is_wanted_beside_the_password(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, NARROW, script=False) as walker:
        await sign_in(walker, "ivo")
        await walker.reads("Enter your code")
        assert await faults_of(walker, "sign-in-code") == []
        code = walker.page.get_by_label("Code from your authenticator")
        await code.fill("000000")
        await walker.press("Sign in")
        await walker.reads("The code is wrong, expired or already used. Wait for the next one.")
        assert await faults_of(walker, "sign-in-code-wrong") == []
        await code.fill(pyotp.TOTP(CODE_SECRET).at(NOW))
        await walker.page.get_by_role("button", name="Sign in").tap()
        await walker.is_at("/")


@does("/account/second-factor", "/account/second-factor/off")
async def test_the_second_factor_is_turned_on_and_off(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_vera"]) as walker:
        await walker.to("/account")
        await walker.follow("Turn on…")
        shown = walker.page.get_by_text("Or enter this secret by hand").locator("code")
        secret = (await shown.inner_text()).replace(" ", "")
        await walker.fill(Code="123 456")
        await walker.press("Turn it on")
        await walker.reads("The code is wrong, expired or already used.")
        assert (await shown.inner_text()).replace(" ", "") == secret, "the phone keeps what it has read"
        assert await faults_of(walker, "second-factor-wrong") == []
        await walker.fill(Code=pyotp.TOTP(secret).at(NOW))
        await walker.press("Turn it on")
        await walker.reads("Your second factor is on")
        assert await faults_of(walker, "recovery-codes") == []
        await walker.follow("I have copied it")
        await walker.reads("On. You enter a code after your password. 10 recovery codes are left.")

        await walker.follow("Turn off…")
        await walker.fill(Your_password="a wrong guess at it")
        await walker.press("Turn it off")
        await walker.reads("The name or the password is wrong.")
        assert await faults_of(walker, "second-factor-off-wrong") == []
        await walker.fill(Your_password=PASSWORD)
        await walker.press("Turn it off")
        await walker.reads("Off. Turn it on")


@does("/account/password", "/account/sign-ins/end", "/account/sign-ins/{number:int}/end")
async def test_other_sign_ins_end_and_the_password_changes(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_anna"]) as walker:
        rows = walker.page.locator("tbody tr")
        await walker.to("/account")
        await expect(rows).to_have_count(3)
        await rows.filter(has_text="Firefox").get_by_role("button", name="End").click()
        await expect(rows).to_have_count(2)
        await walker.press("End all others")
        await expect(rows).to_have_count(1)
        await walker.reads("this one")

        async def change(now: str, chosen: str, again: str) -> None:
            await walker.page.get_by_label("Current password").fill(now)
            await walker.page.get_by_label("New password (at least 12 characters)").fill(chosen)
            await walker.page.get_by_label("Repeat the new password").fill(again)
            await walker.press("Change the password")

        await change("a wrong guess at it", ANOTHER, ANOTHER)
        await walker.reads("password: this is not your current password.")
        assert await faults_of(walker, "account-wrong") == []
        await change(PASSWORD, ANOTHER, f"{ANOTHER}?")
        await walker.reads("password: the two entries differ. Type the same new password twice.")
        await change(PASSWORD, "anna" * 4, "anna" * 4)
        await walker.reads("password: must not be the user's own name or a repetition of it.")
        await change(PASSWORD, ANOTHER, ANOTHER)
        await expect(walker.page.locator(".wrong")).to_have_count(0)
        await walker.press("Sign out")
        await sign_in(walker, "anna")
        await walker.reads("The name or the password is wrong.")
        await sign_in(walker, "anna", ANOTHER)
        await walker.is_at("/")


@does("/users", "/join/{token}")
async def test_somebody_is_invited_and_joins(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_anna"]) as walker:
        await walker.to("/users")
        await walker.fill(Name="Olga Ivanova")
        await walker.press("Invite")
        await walker.reads("name: must be 1 to 100 of a-z, 0-9 and . _ @ + -")
        await expect(walker.page.get_by_label("Name")).to_have_value("Olga Ivanova")
        assert await faults_of(walker, "users-wrong") == []
        await walker.fill(Name="vera")
        await walker.press("Invite")
        await walker.reads("A user named vera already exists. Choose another name.")
        await walker.fill(Name="olga")
        await walker.press("Invite")
        await walker.reads("olga is invited")
        assert await faults_of(walker, "user-link") == []
        link = await walker.page.locator("pre.line code").inner_text()
    async with walking(place, chromium, NARROW, script=False) as walker:
        await walker.to(link.removeprefix(place.url))
        await walker.reads("You will sign in as olga, with the role responder. This link works once.")
        await walker.page.get_by_label("Password (at least 12 characters)").fill(PASSWORD)
        await walker.fill(Repeat_the_password=ANOTHER)
        await walker.press("Set the password and sign in")
        await walker.reads("password: the two entries differ. Type the same password twice.")
        assert await faults_of(walker, "join-wrong") == []
        await walker.page.get_by_label("Password (at least 12 characters)").fill(PASSWORD)
        await walker.fill(Repeat_the_password=PASSWORD)
        await walker.page.get_by_role("button", name="Set the password and sign in").tap()
        await walker.is_at("/")
        await walker.reads("olga")
        assert (await walker.to(link.removeprefix(place.url))).status == 410


@does("/users/{name}/role", "/users/{name}/disable", "/users/{name}/enable", "/users/{name}/reset")
async def test_a_user_is_changed_kept_out_and_let_in(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_anna"]) as walker:
        await walker.to("/users")
        await walker.follow("ben")
        await walker.page.get_by_label("Role (a change ends their sign-ins)").select_option("viewer")
        await walker.press("Change the role")
        await walker.reads("Viewer, active.")
        await walker.follow("Disable…")
        await walker.press("Disable ben")
        await walker.reads("Viewer, disabled.")
        await walker.press("Enable")
        await walker.reads("Viewer, active.")
        await walker.follow("Reset…")
        await walker.press("Reset ben")
        await walker.reads("ben is reset")
        await walker.follow("I have copied it")
        await walker.reads("Viewer, invited.")
        await walker.follow("Changes")
        await walker.reads("Only changes of user ben.")

        await walker.to("/users/ivo/disable")
        await walker.press("Disable ivo")
        await walker.to("/users/anna")
        await walker.page.get_by_label("Role (a change ends their sign-ins)").select_option("viewer")
        await walker.press("Change the role")
        await walker.reads("anna is the last admin: make somebody else an admin first.")
        assert await faults_of(walker, "last-admin") == []


@does("/users")
async def test_a_press_beside_the_list_of_users_on_a_phone_opens_nobody(
    place: Place, chromium: Browser
) -> None:
    async with walking(place, chromium, NARROW, session=place.words["session_anna"]) as walker:
        await walker.to("/users")
        await walker.page.get_by_role("heading", name="Invite a user").tap()
        assert walker.page.url.endswith("/users")
        await walker.page.get_by_label("Name").tap()
        await walker.page.keyboard.type("paul")
        await walker.page.get_by_role("button", name="Invite").tap()
        await walker.reads("paul is invited")


@does("/keys", "/keys/{name}/revoke")
async def test_a_key_is_made_shown_once_and_revoked(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_anna"]) as walker:
        page = walker.page
        await walker.to("/keys")
        await walker.fill(Name="grafana")
        await page.get_by_label("write: change things through the API").check()
        await page.get_by_label("Expires").select_option("in 90 days")
        await walker.press("Create the key")
        await walker.reads("A key named grafana already exists. Revoke it first, or choose another name.")
        await expect(page.get_by_label("Name", exact=True)).to_have_value("grafana")
        await expect(page.get_by_label("write: change things through the API")).to_be_checked()
        assert await faults_of(walker, "keys-wrong") == []
        await page.get_by_label("write: change things through the API").uncheck()
        await page.get_by_label("read: read through the API").uncheck()
        await walker.press("Create the key")
        await walker.reads("scopes: must name at least one of read, write, ping.")
        await page.get_by_label("ping: ping checks by name").check()
        await walker.fill(Name="cron-jobs")
        await walker.press("Create the key")
        await walker.reads("a key for pings does not expire. Revoke it once no job uses it.")
        await page.get_by_label("Expires").select_option("never")
        await walker.press("Create the key")
        await walker.reads("API key cron-jobs")
        key = await page.locator("pre.line code").inner_text()
        assert re.fullmatch(r"hb_[\w-]{43}", key)
        assert await faults_of(walker, "key-shown-once") == []
        address = f"{place.url}/ping/{key}/nightly-backup"
        assert (await page.request.get(address)).ok
        await walker.follow("I have copied it")
        assert key not in await page.content()

        row = page.get_by_role("row").filter(has_text="cron-jobs")
        await row.get_by_role("link", name="Revoke…").click()
        await walker.reads("Jobs that ping with it look silent from their next due time.")
        await walker.press("Revoke cron-jobs")
        await expect(row).to_have_count(0)
        assert (await page.request.get(address)).status == 404


@does("/checks/{slug}/pause")
async def test_a_form_of_an_earlier_sign_in_is_refused_and_says_what_to_do(
    place: Place, chromium: Browser
) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_ben"]) as walker:
        await walker.to("/checks/mail-queue/pause")
        # Meanwhile ben signs out, in another tab of the same browser; and later in again.
        tab = await walker.page.context.new_page()
        await tab.goto(f"{place.url}/account")
        await tab.get_by_role("button", name="Sign out").click()
        await walker.press("Pause mail-queue")
        await walker.is_at("/sign-in?next=/checks/mail-queue")
        await walker.fill(Name="ben", Password=PASSWORD)
        await walker.press("Sign in")
        await walker.is_at("/checks/mail-queue")

        await walker.follow("Pause…")
        await tab.goto(f"{place.url}/account")
        await tab.get_by_role("button", name="Sign out").click()
        await tab.get_by_label("Name").fill("ben")
        await tab.get_by_label("Password").fill(PASSWORD)
        await tab.get_by_role("button", name="Sign in", exact=True).click()
        await tab.wait_for_url(f"{place.url}/")
        await walker.press("Pause mail-queue")
        await walker.reads(
            "This form belongs to an older sign-in. Nothing was changed. Reload it and try again."
        )
        assert await faults_of(walker, "form-is-old") == []
        await walker.to("/checks/mail-queue")
        await walker.reads("Failed at 08:14 UTC")


@does("/checks/{slug}/pause")
async def test_who_may_do_less_meanwhile_is_told_so(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, script=False, session=place.words["session_ben"]) as walker:
        await walker.to("/checks/mail-queue/pause")
        async with walking(place, chromium, script=False, session=place.words["session_anna"]) as other:
            await other.to("/users/ben")
            await other.page.get_by_label("Role (a change ends their sign-ins)").select_option("viewer")
            await other.press("Change the role")
            await other.reads("Viewer, active.")
        await walker.press("Pause mail-queue")
        await walker.is_at("/sign-in?next=/checks/mail-queue")
        await walker.fill(Name="ben", Password=PASSWORD)
        await walker.press("Sign in")
        await walker.is_at("/checks/mail-queue")
        assert await walker.page.get_by_role("link", name="Pause…").count() == 0
        assert (await walker.to("/checks/mail-queue/pause")).status == 403
        await walker.reads("ben has the role viewer. Ask an admin.")


@does(
    "/account/calendar",
    "/account/calendar/revoke",
    "/on-call/rotations/{name}/calendar",
    "/on-call/rotations/{name}/calendar/revoke",
    "/on-call/people/{name}/calendar",
    "/on-call/people/{name}/calendar/revoke",
)
async def test_calendars_get_an_address_and_lose_it_without_script(place: Place, chromium: Browser) -> None:
    anna = Person("anna", "Anna", (), origin=Origin.API)
    await place.system.context.database.write(lambda db: desk.define_person(db, anna))
    async with walking(place, chromium, NARROW, script=False) as walker, httpx.AsyncClient() as program:
        await sign_in(walker, "anna")
        for screen in ("/account", "/on-call/rotations/infra"):
            await walker.to(screen)
            await walker.press("Make an address")
            shown = walker.page.get_by_text("/calendars/")
            former = await shown.inner_text()
            assert (await program.get(former)).text.startswith("BEGIN:VCALENDAR")
            assert await faults_of(walker, f"calendar{screen.replace('/', '-')}") == []
            await walker.press("Renew the address")
            renewed = await shown.inner_text()
            assert [(await program.get(each)).status_code for each in (former, renewed)] == [404, 200]
            await walker.press("Revoke the address")
            await walker.reads("It needs a secret address")
            assert (await program.get(renewed)).status_code == 404
        # An admin does the same for somebody who has left with an address on their phone, and does not see it.
        await walker.to("/account")
        await walker.press("Make an address")
        former = await walker.page.get_by_text("/calendars/").inner_text()
        await walker.to("/on-call/people/anna")
        await walker.reads("The shifts of Anna have a secret address, made by Anna")
        assert await faults_of(walker, "calendar-on-call-people-anna") == []
        await walker.press("Renew the address")
        await walker.is_at("/on-call/people/anna")
        assert (await program.get(former)).status_code == 404
        assert await walker.page.get_by_text("/calendars/").count() == 0
        await walker.press("Revoke the address")
        assert await walker.page.get_by_text("secret address").count() == 0

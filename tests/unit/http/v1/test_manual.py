"""Every example of the manual works, one after the other, on a new installation."""

import re
import shlex
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx
import pytest

from heartbeat.app import System
from heartbeat.http.v1 import description, docs
from tests.unit.http.conftest import SetClock, fall_silent, ping, read_check

STORY = """
START list_notifiers define_notifier show_notifier list_people define_person show_person send_test_page
BEN CONTACT send_contact_code CODE confirm_contact
define_team list_teams show_team define_channel list_channels show_channel
define_rotation list_rotations show_rotation show_on_call tell_on_call
list_shifts make_rotation_calendar show_rotation_calendar revoke_rotation_calendar
make_person_calendar show_person_calendar revoke_person_calendar
propose_swap list_swaps decline_swap PROPOSED accept_swap
override_rotation list_overrides delete_override take_leave list_leaves
list_policies define_policy show_policy make_default
show_catch_all define_catch_all delete_catch_all
define_check list_checks show_check who_would_be_paged
PING list_pings list_measurements try_rule show_body list_transitions list_unexpected_pings
SILENCE list_incidents show_incident show_overview acknowledge snooze note page_next take_over unacknowledge
reassign answer_many TWO split merge draft_postmortem report_pages
define_status_page list_status_pages show_status_page
write_announcement SECOND list_announcements show_announcement change_announcement
publish_announcement PUBLISHED relate_announcement update_announcement DRAFT discard_announcement
resolve draft_announcement
pause_check resume_check renew_uuid
make_maintenance list_maintenance show_maintenance change_maintenance BEGUN end_maintenance
REPEATED delete_maintenance
make_ping_key list_ping_keys revoke_ping_key
make_key list_keys revoke_key
invite_user list_users change_role reset_user disable_user enable_user
delete_check DEFAULT delete_policy delete_rotation delete_team delete_channel delete_person delete_notifier
delete_status_page
rotate apply_configuration list_audit
"""
"""The operations in an order in which each one can work. Words in capitals are events in between."""
FILE = "people: {me: {contacts: [{console: terminal}]}}\n"
AT = "/v1/status-pages/backups/incidents"


class Reader:
    """Copies the commands of the manual, and lets the events happen."""

    def __init__(
        self,
        system: System,
        admin: httpx.AsyncClient,
        clock: SetClock,
        manual: Any,
        printed: Callable[[], str],
    ) -> None:
        self.system = system
        self.printed = printed
        self.admin = admin
        self.clock = clock
        described = docs.with_examples_on(manual, clock.at.date() + timedelta(days=1))
        self.lines = {
            operation["operationId"]: docs.curl(path, verb, operation, "http://test")
            for path, verb, operation in description.operations(described)
        }

    def _later(self, day: date, hour: int) -> None:
        """Move the clock. The manual then has the examples of that day."""
        old_day, new_day = (f"{today + timedelta(days=1)}T" for today in (self.clock.at.date(), day))
        self.lines = {name: line.replace(old_day, new_day) for name, line in self.lines.items()}
        self.clock.at = datetime.combine(day, time(hour), UTC)

    async def follow(self, word: str) -> httpx.Response:
        """Run a command or an event of the story."""
        if word.islower():
            return await self.run(self.lines[word])
        event: Callable[[], Awaitable[httpx.Response]] = getattr(self, f"_{word.lower()}")
        return await event()

    async def run(self, line: str) -> httpx.Response:
        """Send the request that curl would send."""
        arguments = iter(shlex.split(line.replace("\\\n", " ")))
        assert next(arguments) == "curl"
        method, headers, content, url = "GET", {}, None, ""
        for argument in arguments:
            match argument:
                case "-fsS":
                    continue
                case "-X":
                    method = next(arguments)
                case "-H":
                    name, _, value = next(arguments).partition(": ")
                    headers[name] = value
                case "-d":
                    content = next(arguments)
                case "--data-binary":
                    assert next(arguments) == "@heartbeat.yaml"
                    content = FILE
                case _:
                    url = argument
        assert headers.pop("Authorization") == "Bearer $HEARTBEAT_KEY"
        return await self.admin.request(method, url, headers=headers, content=content)

    async def _ben(self) -> httpx.Response:
        return await self.admin.put("/v1/people/ben", json={"contacts": [{"console": "terminal"}]})

    async def _contact(self) -> httpx.Response:
        """A contact of Ben, whose terminal shows the code."""
        answer = await self.admin.get("/v1/people/ben")
        place = f"/people/ben/contacts/{answer.json()['contacts'][0]['id']}/"
        for name in ("send_contact_code", "confirm_contact"):
            self.lines[name] = re.sub("/people/.*/contacts/[^/]+/", place, self.lines[name])
        return answer

    async def _code(self) -> httpx.Response:
        found = re.search(r"(\d{6}) is the code", self.printed())
        assert found is not None
        self.lines["confirm_contact"] = self.lines["confirm_contact"].replace("482913", found[1])
        return httpx.Response(200)

    async def _proposed(self) -> httpx.Response:
        answer = await self.run(self.lines["propose_swap"])
        at = f"/{answer.json()['id']}/accept"
        self.lines["accept_swap"] = self.lines["accept_swap"].replace("/1/accept", at)
        return answer

    async def _ping(self) -> httpx.Response:
        await ping(self.system, await read_check(self.system, "nightly-backup"), body=b"done")
        return httpx.Response(200)

    async def _silence(self) -> httpx.Response:
        self._later(self.clock.at.date() + timedelta(days=2), hour=3)
        await fall_silent(self.system, self.clock, await read_check(self.system, "nightly-backup"))
        return httpx.Response(200)

    async def _two(self) -> httpx.Response:
        """Another job fails, and joins the first one for a while."""
        await self.admin.put("/v1/checks/other", json={"schedule": "30 1 * * *"})
        await ping(self.system, await read_check(self.system, "other"), "/fail")
        merged = await self.admin.post("/v1/incidents/2/merge", json={"into": 1})
        self.lines["split"] = self.lines["split"].replace("/12/", "/1/")
        number = (await self.admin.get("/v1/incidents")).json()["incidents"][0]["id"] + 1
        self.lines["merge"] = self.lines["merge"].replace("/1/", f"/{number}/").replace(": 13", ": 1")
        return merged

    async def _second(self) -> httpx.Response:
        return await self.run(self.lines["write_announcement"])

    async def _published(self) -> httpx.Response:
        return await self.admin.post(f"{AT}/2/publish")

    async def _draft(self) -> httpx.Response:
        self.lines["discard_announcement"] = self.lines["discard_announcement"].replace("/1", "/3")
        return await self.run(self.lines["write_announcement"])

    async def _begun(self) -> httpx.Response:
        self._later(self.clock.at.date() + timedelta(days=1), hour=2)
        return httpx.Response(200)

    async def _repeated(self) -> httpx.Response:
        self.lines["delete_maintenance"] = self.lines["delete_maintenance"].replace("/1", "/2")
        return await self.run(self.lines["make_maintenance"])

    async def _default(self) -> httpx.Response:
        content = FILE + "policies: {file: [{page: me, wait: 5m}]}\n"
        headers = {"Content-Type": "application/yaml"}
        return await self.admin.put("/v1/configuration", content=content, headers=headers)

    async def _start(self) -> httpx.Response:
        return await self.run(self.lines["apply_configuration"])


async def test_every_example_works(
    system: System, admin: httpx.AsyncClient, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    manual = (await admin.get("/v1/openapi.json")).json()
    reader = Reader(system, admin, clock, manual, lambda: capsys.readouterr().out)
    assert set(reader.lines) == {word for word in STORY.split() if word.islower()}
    for word in STORY.split():
        answer = await reader.follow(word)
        assert answer.is_success, (word, answer.status_code, answer.text)


@pytest.mark.parametrize("operation", ["make_maintenance", "snooze", "make_key"])
async def test_times_in_examples_are_in_the_future(
    admin: httpx.AsyncClient, clock: SetClock, operation: str
) -> None:
    html = (await admin.get("/v1/docs")).text
    article = html.partition(f'<article aria-labelledby="{operation}">')[2].partition("</article>")[0]
    assert "2024-05-04T" in article.partition("<h4>Responses</h4>")[0]
    assert "2026-05-02" not in article.partition("<h4>Responses</h4>")[0]

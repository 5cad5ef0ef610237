"""Every page that there is, looked at in Debian's Chromium: light, dark, wide, on a phone, on paper, without script.

A new page needs an example, else the first test fails: a line in `EXAMPLES` under the pattern of its route, with a
name for its photographs. `{words}` in an address are filled in with what `office.settle` has made (put there whatever
the page is about); `who` visits it, and it answers `status`. A page without arguments is also visited on a fresh
installation, where it must say what `EMPTY` has for it. What a form answers has no address: it is looked at by the
walk that sends the form (`faults_of`). Photographs lie in build/screenshots: look at yours.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from playwright.async_api import Browser

from heartbeat.http import app as http_app
from tests.e2e import walk
from tests.e2e.inspection import faults_of
from tests.e2e.office import Settled
from tests.e2e.service import ADMIN_KEY
from tests.e2e.walk import MARKS, Place, served, walking
from tests.unit.http.markup import paths_in

pytestmark = MARKS
chromium = walk.chromium


@dataclass(frozen=True, slots=True)
class Example:
    """One page: what its photographs are called, its address, who visits it (nobody: has not signed in).

    A line that begins with `anew` is another one at each visit.
    """

    name: str
    address: str
    actor: str = "anna"
    status: int = 200
    anew: str = "\0"


NOT_PAGES = {
    "/live": "a stream of changes",
    "/incidents/{number:int}/postmortem": "a file to download",
    "/static/{name}": "the assets of pages",
    "/readyz": "for probes",
    "/metrics": "for Prometheus",
    "/calendars/{token}.ics": "for calendar programs",
}
"""What a browser is not shown, and why. Everything under /v1 but its manual is for programs."""

EXAMPLES: dict[str, tuple[Example, ...]] = {
    "/": (Example("overview", "/"), Example("overview-viewer", "/", "vera")),
    "/checks": (
        Example("checks", "/checks"),
        Example("checks-viewer", "/checks", "vera"),
        Example("found", "/checks?q=cpu&label=region%3Dus"),
        Example("found-nothing", "/checks?q=nowhere&state=up"),
    ),
    "/checks/{slug}": (
        Example("check-silent", "/checks/us-daily-cpu-reset"),
        Example("check-failed", "/checks/mail-queue"),
        Example("check-overran", "/checks/search-reindex"),
        Example("check-late", "/checks/billing-export"),
        Example("check-new", "/checks/nightly-invoice"),
        Example("check-paused", "/checks/old-importer"),
        Example("check-hostile", "/checks/hostile"),
        Example("check-under-maintenance", "/checks/eu-web-app-sweep"),
        Example("check-made-here", "/checks/nightly-backup"),
        Example("check-viewer", "/checks/mail-queue", "vera"),
        Example("check-none", "/checks/not-here", status=404),
    ),
    "/checks/{slug}/pings/{number:int}": (
        Example("ping-gone", "/checks/mail-queue/pings/999999", status=404),
    ),
    "/checks/{slug}/pause": (
        Example("check-pause", "/checks/eu-rotate-logs/pause"),
        Example("not-for-you", "/checks/eu-rotate-logs/pause", "vera", 403),
    ),
    "/checks/{slug}/new-uuid": (Example("check-new-uuid", "/checks/nightly-backup/new-uuid"),),
    "/checks/{slug}/edit": (
        Example("check-change", "/checks/nightly-backup/edit"),
        Example("check-declared", "/checks/mail-queue/edit"),
    ),
    "/checks/{slug}/rules": (
        Example("check-rules", "/checks/nightly-backup/rules?rule=rows+>+many"),
        Example("check-rules-declared", "/checks/mail-queue/rules?rule=duration+<+3h,+for+2+runs"),
    ),
    "/unexpected-pings": (Example("unexpected-pings", "/unexpected-pings"),),
    "/unusual-runs": (Example("unusual-runs", "/unusual-runs"),),
    "/checks/{slug}/delete": (
        Example("check-delete", "/checks/nightly-backup/delete"),
        Example("check-delete-declared", "/checks/mail-queue/delete"),
    ),
    "/new": (Example("new", "/new"),),
    "/pause": (
        Example("pause-many", "/pause?check=mail-queue&check=billing-export&check=old-importer"),
        Example("pause-none", "/pause", status=400),
    ),
    "/resume": (
        Example("resume-many", "/resume?check=old-importer&check=mail-queue"),
        Example("resume-none", "/resume?check=mail-queue", status=409),
    ),
    "/incidents": (Example("incidents", "/incidents"), Example("incidents-older", "/incidents?before=1")),
    "/incidents/{number:int}": (
        Example("incident-open", "/incidents/{open}"),
        Example("incident-viewer", "/incidents/{open}", "vera"),
        Example("incident-acknowledged", "/incidents/{acknowledged}"),
        Example("incident-snoozed", "/incidents/{snoozed}"),
        Example("incident-resolved", "/incidents/{resolved}"),
        Example("incident-none", "/incidents/99999", status=404),
    ),
    "/incidents/{number:int}/resolve": (Example("incident-resolve", "/incidents/{open}/resolve"),),
    "/incidents/{number:int}/merge": (Example("incident-merge", "/incidents/{open}/merge"),),
    "/incidents/{number:int}/split": (Example("incident-split", "/incidents/{open}/split"),),
    "/incidents/{number:int}/reassign": (Example("incident-reassign", "/incidents/{open}/reassign"),),
    "/incidents/{number:int}/announce": (Example("incident-announce", "/incidents/{open}/announce"),),
    "/status-pages": (
        Example("status-pages", "/status-pages"),
        Example("status-pages-viewer", "/status-pages", "vera"),
    ),
    "/status-pages/{slug}/write": (
        Example("write", "/status-pages/public/write"),
        Example("write-maintenance", "/status-pages/public/write?kind=maintenance"),
        Example("write-nowhere", "/status-pages/not-here/write", status=404),
    ),
    "/announcements/{number:int}": (
        Example("announcement-draft", "/announcements/{draft}"),
        Example("announcement-open", "/announcements/{late}"),
        Example("announcement-over", "/announcements/{over}"),
        Example("announcement-planned", "/announcements/{planned}"),
        Example("announcement-viewer", "/announcements/{draft}", "vera"),
    ),
    "/announcements/{number:int}/discard": (
        Example("announcement-discard", "/announcements/{draft}/discard"),
    ),
    "/announcements/{number:int}/publish": (
        Example("announcement-publish", "/announcements/{draft}/publish"),
    ),
    "/maintenance": (
        Example("maintenance", "/maintenance"),
        Example("maintenance-viewer", "/maintenance", "vera"),
    ),
    "/maintenance/new": (
        Example("maintenance-new", "/maintenance/new"),
        Example("maintenance-of-a-check", "/maintenance/new?check=eu-web-app-sweep"),
        Example("maintenance-of-many", "/maintenance/new?check=eu-web-app-sweep&check=mail-queue"),
    ),
    "/maintenance/{number:int}": (
        Example("maintenance-active", "/maintenance/{active}"),
        Example("maintenance-upcoming", "/maintenance/{upcoming}"),
        Example("maintenance-past", "/maintenance/{past}"),
        Example("maintenance-none", "/maintenance/99999", status=404),
    ),
    "/maintenance/{number:int}/edit": (Example("maintenance-change", "/maintenance/{active}/edit"),),
    "/maintenance/{number:int}/end": (Example("maintenance-end", "/maintenance/{active}/end"),),
    "/maintenance/{number:int}/delete": (Example("maintenance-delete", "/maintenance/{upcoming}/delete"),),
    "/on-call": (Example("on-call", "/on-call"), Example("on-call-viewer", "/on-call", "vera")),
    "/on-call/report": (Example("past-pages", "/on-call/report"),),
    "/on-call/rotations/{name}": (
        Example("on-call-rotation", "/on-call/rotations/infra"),
        Example("on-call-rotation-viewer", "/on-call/rotations/infra?month=2027-01", "vera"),
        Example("on-call-no-rotation", "/on-call/rotations/nothing", status=404),
    ),
    "/on-call/people/{name}": (
        Example("on-call-person", "/on-call/people/first"),
        Example("on-call-person-made-here", "/on-call/people/zoe"),
        Example("on-call-nobody", "/on-call/people/nobody", status=404),
    ),
    "/on-call/policies/{name}": (
        Example("on-call-policy", "/on-call/policies/ops"),
        Example("on-call-policy-made-here", "/on-call/policies/night"),
        Example("on-call-no-policy", "/on-call/policies/nothing", status=404),
    ),
    "/on-call/catch-all": (
        Example("on-call-catch-all", "/on-call/catch-all"),
        Example("on-call-catch-all-viewer", "/on-call/catch-all", "vera"),
    ),
    "/on-call/catch-all/edit": (
        Example("on-call-change-catch-all", "/on-call/catch-all/edit"),
        Example("on-call-change-catch-all-not-for-you", "/on-call/catch-all/edit", "ben", 403),
    ),
    "/on-call/catch-all/delete": (Example("on-call-delete-catch-all", "/on-call/catch-all/delete"),),
    "/on-call/new-rotation": (Example("on-call-new-rotation", "/on-call/new-rotation"),),
    "/on-call/rotations/{name}/edit": (
        Example("on-call-change-rotation", "/on-call/rotations/infra/edit"),
        Example("on-call-change-rotation-not-for-you", "/on-call/rotations/infra/edit", "ben", 403),
    ),
    "/on-call/rotations/{name}/delete": (
        Example("on-call-delete-rotation", "/on-call/rotations/infra/delete"),
    ),
    "/on-call/teams/{name}": (
        Example("on-call-team", "/on-call/teams/platform"),
        Example("on-call-team-viewer", "/on-call/teams/platform", "vera"),
        Example("on-call-no-team", "/on-call/teams/nothing", status=404),
    ),
    "/on-call/new-team": (
        Example("on-call-new-team", "/on-call/new-team"),
        Example("on-call-new-team-not-for-you", "/on-call/new-team", "ben", 403),
    ),
    "/on-call/teams/{name}/edit": (Example("on-call-change-team", "/on-call/teams/platform/edit"),),
    "/on-call/teams/{name}/delete": (Example("on-call-delete-team", "/on-call/teams/platform/delete"),),
    "/on-call/channels/{name}": (
        Example("on-call-channel", "/on-call/channels/ops-room"),
        Example("on-call-channel-viewer", "/on-call/channels/ops-room", "vera"),
        Example("on-call-no-channel", "/on-call/channels/first", status=404),
    ),
    "/on-call/new-channel": (Example("on-call-new-channel", "/on-call/new-channel"),),
    "/on-call/channels/{name}/edit": (Example("on-call-change-channel", "/on-call/channels/ops-room/edit"),),
    "/on-call/channels/{name}/delete": (
        Example("on-call-delete-channel", "/on-call/channels/ops-room/delete"),
    ),
    "/on-call/new-person": (
        Example("on-call-new-person", "/on-call/new-person"),
        Example("on-call-new-person-not-for-you", "/on-call/new-person", "ben", 403),
    ),
    "/on-call/people/{name}/edit": (
        Example("on-call-change-person", "/on-call/people/zoe/edit"),
        Example("on-call-declared-person", "/on-call/people/first/edit"),
    ),
    "/on-call/people/{name}/delete": (Example("on-call-delete-person", "/on-call/people/zoe/delete"),),
    "/on-call/new-policy": (Example("on-call-new-policy", "/on-call/new-policy"),),
    "/on-call/policies/{name}/edit": (
        Example("on-call-change-policy", "/on-call/policies/night/edit"),
        Example("on-call-declared-policy", "/on-call/policies/ops/edit"),
    ),
    "/on-call/policies/{name}/default": (
        Example("on-call-default-policy", "/on-call/policies/night/default"),
    ),
    "/on-call/policies/{name}/delete": (Example("on-call-delete-policy", "/on-call/policies/night/delete"),),
    "/account": (
        Example("account", "/account"),
        Example("account-factor", "/account", "ivo"),
        Example("account-viewer", "/account", "vera"),
    ),
    "/account/second-factor": (
        Example("second-factor", "/account/second-factor", anew="Or enter this secret by hand:"),
    ),
    "/account/second-factor/off": (Example("second-factor-off", "/account/second-factor/off", "ivo"),),
    "/users": (Example("users", "/users"), Example("users-not-for-you", "/users", "ben", 403)),
    "/users/{name}": (
        Example("user", "/users/vera"),
        Example("user-disabled", "/users/max"),
        Example("user-invited", "/users/nina"),
        Example("user-none", "/users/nobody", status=404),
    ),
    "/users/{name}/disable": (Example("user-disable", "/users/vera/disable"),),
    "/users/{name}/reset": (Example("user-reset", "/users/vera/reset"),),
    "/keys": (Example("keys", "/keys"),),
    "/keys/{name}/revoke": (
        Example("key-revoke", "/keys/housekeeping/revoke"),
        Example("key-none", "/keys/nothing/revoke", status=404),
    ),
    "/audit": (Example("audit", "/audit"), Example("audit-of-one", "/audit?target=user%20max")),
    "/sign-in": (Example("sign-in", "/sign-in", "nobody"),),
    "/sign-in/oidc": (Example("oidc-away", "/sign-in/oidc", "nobody", 502),),
    "/sign-in/oidc/back": (Example("oidc-back", "/sign-in/oidc/back", "nobody", 403),),
    "/join/{token}": (
        Example("join", "/join/{invitation}", "nobody"),
        Example("join-gone", "/join/used-up", "nobody", 410),
    ),
    "/answer/{token}": (
        Example("answer", "/answer/{answer}", "nobody"),
        Example("answer-stale", "/answer/{answer_stale}", "nobody"),
        Example("answer-resolved", "/answer/{answer_resolved}", "nobody"),
        Example("answer-gone", "/answer/{answer_gone}", "nobody", 404),
        Example("answer-damaged", "/answer/damaged", "nobody", 410),
    ),
    # A walk looks at a digest while there is a storm, and at what an answer makes of both.
    "/answer/digest/{token}": (Example("digest-damaged", "/answer/digest/damaged", "nobody", 410),),
    "/answer/test/{token}": (
        Example("test-page", "/answer/test/{answer_test}", "nobody"),
        Example("test-page-damaged", "/answer/test/damaged", "nobody", 410),
    ),
    "/status": (Example("status", "/status", "nobody"),),
    "/status/{slug}": (Example("status-none", "/status/not-here", "nobody", 404),),
    "/status/{slug}/{path:path}": (
        Example("status-history", "/status/public/history.html", "nobody"),
        Example("status-nothing", "/status/public/nothing.html", "nobody", 404),
    ),
    "/status/{slug}/confirm/{token}": (
        Example("subscribe-confirm", "/status/public/confirm/{confirm}", "nobody"),
        Example("subscribe-damaged", "/status/public/confirm/damaged", "nobody", 400),
    ),
    "/status/{slug}/unsubscribe/{token}": (
        Example("unsubscribe", "/status/public/unsubscribe/{unsubscribe}", "nobody"),
        Example("unsubscribe-damaged", "/status/public/unsubscribe/damaged", "nobody", 400),
    ),
    "/v1/docs": (Example("api", "/v1/docs"),),
    "": (
        Example("nothing-there", "/nothing-there", status=404),
        Example("method-not-taken", "/sign-out", status=405),
    ),
}
"""Pages by the pattern of their route; without a pattern what the framework answers by itself."""

EVERY_EXAMPLE = [one for some in EXAMPLES.values() for one in some]

EMPTY = {
    "/": "A job is watched from its first ping on.",
    "/checks": "A job is watched from its first ping on.",
    "/new": "Schedule",
    "/pause": "No check is ticked",
    "/resume": "No check is ticked",
    "/unexpected-pings": "Every ping is expected.",
    "/unusual-runs": "No run was unusual in the last 7 days.",
    "/incidents": "No incidents yet.",
    "/status-pages": "No status pages yet. Define one in the configuration file:",
    "/maintenance": "While a window is active, nobody is paged",
    "/maintenance/new": "Title",
    "/on-call": "Nobody can be paged yet",
    "/on-call/report": "Nobody was paged.",
    "/on-call/catch-all": "pages go only to the terminal of the service",
    "/on-call/catch-all/edit": "Nobody can be paged yet. Add a person first",
    "/on-call/catch-all/delete": "No catch_all is set.",
    "/on-call/new-person": "Contacts, in the order in which they are tried",
    "/on-call/new-rotation": "Nobody can be paged yet. Add a person first",
    "/on-call/new-team": "Nobody can be paged yet. Add a person first",
    "/on-call/new-channel": "Contacts, in the order in which they are tried",
    "/on-call/new-policy": "Nobody can be paged yet. Add a person first",
    "/account": "You signed in with the admin key",
    "/account/second-factor": "There is no second factor to change here",
    "/account/second-factor/off": "There is no second factor to change here",
    "/users": "No users yet.",
    "/keys": "No API keys yet.",
    "/audit": "admin signed in",
    "/sign-in": "No users yet.",
    "/sign-in/oidc": "No sign-in provider is configured.",
    "/sign-in/oidc/back": "No sign-in provider is configured.",
    "/status": "There is no status page here yet.",
    "/v1/docs": "Try the examples",
}
"""What pages without arguments say where nothing is there yet, to whoever holds the admin key."""


def patterns(web: FastAPI) -> set[str]:
    """The pattern of every address that may answer a browser with a page."""
    reading = [
        one for one in iter_route_contexts(web.routes) if "GET" in (getattr(one, "methods", None) or ())
    ]
    found = {str(getattr(route, "path", "")) for route in reading}
    return {one for one in found if not one.startswith("/v1") or one == "/v1/docs"} - NOT_PAGES.keys()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(settled: Settled, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """The settled installation, with a provider that is away."""
    home = tmp_path_factory.mktemp("pages")
    async with served(settled.path, home, oidc_issuer=walk.NOWHERE, oidc_client_id="heartbeat") as made:
        made.words |= settled.words
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fresh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """An installation in which there is nothing yet; whoever holds the admin key has signed in."""
    bare = tmp_path_factory.mktemp("bare") / "heartbeat.db"
    walk.migrate(bare)
    async with served(bare, tmp_path_factory.mktemp("fresh")) as made, httpx.AsyncClient() as browser:
        await browser.post(f"{made.url}/sign-in", data={"key": ADMIN_KEY})
        made.words["session"] = browser.cookies["heartbeat"]
        yield made


async def test_every_page_has_an_example(place: Place) -> None:
    known = patterns(http_app.build(place.system.context))
    assert known - EXAMPLES.keys() == set(), "these pages have no example: see the head of this file"
    assert EXAMPLES.keys() - known == {""}, "these are pages no more"
    assert {one for one in known if "{" not in one} == EMPTY.keys(), (
        "what do these say when nothing is there?"
    )
    names = [one.name for one in EVERY_EXAMPLE]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("example", EVERY_EXAMPLE, ids=lambda one: one.name)
async def test_every_page_is_sound(place: Place, chromium: Browser, example: Example) -> None:
    session = place.words.get(f"session_{example.actor}", "")
    async with walking(place, chromium, session=session) as walker:
        answer = await walker.to(example.address)
        assert answer.status == example.status
        with_script = await _said(walker)
        assert await faults_of(walker, example.name) == []
    async with walking(place, chromium, script=False, session=session) as walker:
        await walker.to(example.address)
        without = await _said(walker)
        assert without[0] == with_script[0], "the heading needs no script"
        more = set(with_script[1]) - set(without[1]) - {"Copy"}
        assert {one for one in more if not one.startswith(example.anew)} == set(), (
            "nothing needs script to be read"
        )


async def test_every_address_on_every_page_is_below_the_path(
    settled: Settled, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home, beside = tmp_path_factory.mktemp("below"), []
    async with served(settled.path, home, "/heartbeat", oidc_issuer=walk.NOWHERE) as made:
        made.words |= settled.words
        async with httpx.AsyncClient(headers={"accept": "text/html"}, follow_redirects=True) as browser:
            for example in EVERY_EXAMPLE:
                session = made.words.get(f"session_{example.actor}", "")
                address = made.url + made.path(example.address)
                answer = await browser.get(address, headers={"cookie": f"heartbeat={session}"})
                assert answer.status_code == example.status, example.name
                found = [at for at in paths_in(answer.text) if not at.startswith("/heartbeat/")]
                beside += [(example.name, at) for at in found]
    assert beside == []


@pytest.mark.parametrize("pattern", EMPTY)
async def test_a_fresh_installation_says_what_to_do(fresh: Place, chromium: Browser, pattern: str) -> None:
    session = "" if pattern == "/sign-in" else fresh.words["session"]
    async with walking(fresh, chromium, session=session) as walker:
        await walker.to(pattern)
        assert EMPTY[pattern] in await walker.page.locator("main").inner_text()
        if pattern == "/v1/docs":
            return  # It knows nothing of the installation, and has been looked at above.
        name = pattern.strip("/").replace("/", "-") or "overview"
        assert await faults_of(walker, f"fresh-{name}") == []


async def _said(walker: walk.Walk) -> tuple[str, list[str]]:
    """The heading, and what stands below it, line by line."""
    heading = await walker.page.locator("h1").inner_text()
    return heading, (await walker.page.locator("main").inner_text()).splitlines()

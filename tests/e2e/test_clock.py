"""A real process whose clock is set, by libfaketime: nothing is missed, and nobody is paged for nothing."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.e2e.conftest import Serve
from tests.e2e.patience import eventually, pass_time
from tests.e2e.phone import Phone
from tests.e2e.service import PING_KEY, Service, configuration

pytestmark = pytest.mark.e2e

YEAR = 365 * 86_400
CHECKS = {"poll": "every: 4s, grace: 4s", "dying": "every: 4s, grace: 4s"}
MOVED_WITHIN = 5.0
"""Seconds from a step until all times have moved: it is noticed within two, and judging rests for 2.5."""
PAGED_WITHIN = 100.0
"""Seconds until the page for a job that has died. It takes ten, or seventy if the machine stood still meanwhile: the
job then could not be heard, and has a minute."""


class FakeTime:
    """The wall clock of a process. The clocks that nobody can set stay as they are."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "time"
        self.set(0)
        self.environment = {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            # Without a cache, it reads the file each time that somebody asks for the time.
            "FAKETIME_CACHE_DURATION": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: int) -> None:
        """From now on it is ahead by so many seconds."""
        # A new file in its place: nobody must read half of it.
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self._file)


def _library() -> Path:
    found = find_spec("libfaketime")
    assert found is not None
    assert found.origin is not None
    library = Path(found.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
    assert library.exists(), "libfaketime was installed without its library: it comes built for x86_64 only"
    return library


def keep_pinging(service: Service, seconds: float) -> None:
    """The job runs each second, and tries again where it is asked to."""
    for _ in range(int(seconds)):
        eventually(lambda: service.ping(f"{PING_KEY}/poll").is_success, within=10, what="a ping to be stored")
        pass_time(1)


def keep_pinging_until(service: Service, logged: str) -> None:
    eventually(
        lambda: service.ping(f"{PING_KEY}/poll") and logged in service.output(), within=30, what=logged
    )


def test_a_clock_that_is_set_and_set_right_misses_nothing_and_pages_for_nothing(
    serve: Serve, phone: Phone, tmp_path: Path
) -> None:
    fake = FakeTime(tmp_path)
    text = configuration(CHECKS, ['{webhook: "${PHONE}"}'])
    service = serve(text, **phone.webhook, **fake.environment).start()
    service.ping(f"{PING_KEY}/dying")
    fake.set(YEAR)
    keep_pinging(service, MOVED_WITHIN)
    keep_pinging_until(service, "the clock was set forward by 365 days")
    eventually(
        lambda: service.ping(f"{PING_KEY}/poll") and phone.of("page"),
        within=PAGED_WITHIN,
        what="the page for the job that died meanwhile",
    )
    fake.set(0)
    keep_pinging(service, MOVED_WITHIN)
    keep_pinging_until(service, "the clock was set back by 365 days")
    assert {title for page in phone.of("page") for title in page.symptoms} == {"dying"}
    eventually(
        lambda: service.ping(f"{PING_KEY}/poll") and service.get("/v1/checks/poll")["state"] == "up",
        within=5,
        what="the check to be up after a ping",
    )
    eventually(
        lambda: any("poll" in page.symptoms for page in phone.of("page")),
        within=PAGED_WITHIN,
        what="the page for the job that fell silent under the right clock",
    )

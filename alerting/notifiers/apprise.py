"""Apprise: everything else that it can reach. An extra of its own: `pip install 'heartbeat[apprise]'`.

Apprise blocks, makes its own connections and tells no more than yes or no. So it runs in threads, may be used in the
file only, and what it took does not count as delivered.
"""

import asyncio
import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from typing import ClassVar, Self

import httpx

from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.settings import is_secret, refuse_unknown, stand_in
from alerting.notifiers.transport.http import BOUND
from alerting.notifiers.wording import fitted, one_line, unmentioned

BODY_LIMIT = 2000
"""The most characters of the lines. Apprise splits or cuts what a service does not take, anywhere."""
THREADS = 16
"""The most sends at a time. One that hangs keeps its thread until it ends, however long that takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apprise:
    """Sends to the URL of Apprise that is the address, each time in a thread that nobody waits for at the end."""

    kind: ClassVar[str] = "apprise"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = True
    shared: ClassVar[bool] = True
    file_only: ClassVar[bool] = True
    receipt_within: ClassVar[timedelta] = timedelta(minutes=1)

    bound: timedelta = BOUND
    free: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(THREADS), repr=False, compare=False
    )

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:  # noqa: ARG003 - the contract
        """Return a notifier. Raises ValueError for any setting, and without the extra."""
        refuse_unknown(settings, ())
        if find_spec("apprise") is None:
            raise ValueError("it needs the extra apprise: install heartbeat[apprise]")
        return cls()

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if is_secret(address) or "://" in stand_in(address).strip(":/"):
            return None
        return "the address must be a URL of Apprise, such as pover://…"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Hand the notice over. Accepted means that Apprise says so: the page goes on to the next contact."""
        if not self.free.acquire(blocking=False):
            return Unreachable(f"{THREADS} sends by Apprise are under way, and none of them ends")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool | None] = loop.create_future()

        def tell(taken: bool | None) -> None:
            if not done.done():
                done.set_result(taken)

        def work() -> None:
            try:
                taken = _notify(notice, contact.address)
            finally:
                self.free.release()
            # The loop may be closed, if nobody has waited for it.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(tell, taken)

        threading.Thread(target=work, name="apprise", daemon=True).start()
        try:
            async with asyncio.timeout(self.bound.total_seconds()):
                taken = await done
        except TimeoutError:
            reason = f"Apprise did not answer within {self.bound.total_seconds():g} s"
            return Unreachable(reason, may_have_arrived=True)
        if taken is None:
            return Refused("Apprise does not know this address")
        return Accepted("handed over") if taken else Unreachable("Apprise could not hand it over")


def _notify(notice: Notice, address: str) -> bool | None:
    """Return whether Apprise says that it was sent, None if it cannot read the address. This blocks."""
    import apprise

    # It writes addresses to its log, and so secrets.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    links = [f"{label}: {url}" for label, url in notice.buttons]
    lines = [unmentioned(line) for line in fitted(notice.lines, BODY_LIMIT)]
    try:
        service = apprise.Apprise()
        if not service.add(address):
            return None
        return bool(
            service.notify(
                title=unmentioned(one_line(notice.title)),
                body="\n".join((*lines, *links)),
                body_format=apprise.NotifyFormat.TEXT,
                notify_type=apprise.NotifyType.SUCCESS if notice.fine else apprise.NotifyType.FAILURE,
            )
        )
    except Exception:  # noqa: BLE001 - foreign code for many services can raise anything
        return False

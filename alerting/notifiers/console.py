"""Console: prints the page to a terminal, as a phone would show it. For the first day and for demos."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self, TextIO

import httpx

from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Contact, Outcome, Unreachable
from alerting.notifiers.settings import refuse_unknown
from alerting.notifiers.transport.http import BOUND
from alerting.notifiers.wording import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """Prints to `stream`, by default standard output. The address is any name."""

    kind: ClassVar[str] = "console"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = False

    stream: TextIO | None = None
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:  # noqa: ARG003 - the contract
        """Return a console. Raises ValueError for any setting."""
        refuse_unknown(settings, ())
        return cls()

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        return None if address.strip() else 'the address must be a name, such as "terminal"'

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Print the notice. Unreachable if the stream is closed, broken or blocked."""
        try:
            # A key press can block a terminal. In a thread, it blocks nothing else.
            async with asyncio.timeout(self.bound.total_seconds()):
                await asyncio.to_thread(self._print, "\n".join(_frame(notice, contact)))
        except (OSError, ValueError):
            return Unreachable("cannot write to the console")
        return Accepted("printed")

    def _print(self, page: str) -> None:
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        print(page.encode(encoding, "replace").decode(encoding), file=self.stream, flush=True)


def _frame(notice: Notice, contact: Contact) -> Iterator[str]:
    yield f"╭─ {one_line(notice.title)}"
    for line in notice.lines:
        yield f"│  {one_line(line)}"
    if notice.ack_url or notice.open_url:
        yield "│"
    if notice.ack_url:
        yield f"│  {notice.ack_label:<12} {one_line(notice.ack_url)}"
    if notice.open_url:
        yield f"│  Open         {one_line(notice.open_url)}"
    yield f"╰─ {notice.kind} to {one_line(contact.address)}"

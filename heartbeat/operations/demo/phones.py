"""The phones of the replay: a notifier that prints each notice as a phone would show it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Self

import httpx

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome
from heartbeat.operations.demo.screen import Screen

BUTTONS = "[ Acknowledge ]   [ Open ]"


@dataclass(slots=True)
class Phones:
    """Stands in for the notifier `console`. What several phones show is printed once.

    `owners` are the names of people by their numbers.
    """

    screen: Screen
    owners: Mapping[str, str]
    kind: ClassVar[str] = "console"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = False
    paged_at: dict[int | None, list[datetime]] = field(default_factory=dict)
    """The times of all pages, by incident."""
    answer_urls: dict[tuple[str, int | None], str] = field(default_factory=dict)
    """The address behind the button of the last page, by phone and incident."""
    ringing: dict[tuple[str, ...], list[str]] = field(default_factory=dict)

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        raise NotImplementedError("a replay makes its phones itself")

    @classmethod
    def wrong_address(cls, address: str) -> str | None:  # noqa: ARG003  # every number is right
        return None

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        if notice.kind is NoticeKind.PAGE:
            self.paged_at.setdefault(notice.incident, []).append(notice.at)
        if notice.ack_url:
            self.answer_urls[(contact.address, notice.incident)] = notice.ack_url
        shown = (notice.title, *notice.lines)
        if shown in self.ringing:
            self.ringing[shown].append(contact.address)
            return Accepted("shown")
        self.ringing[shown] = [contact.address]
        await asyncio.sleep(1)
        owners = " and ".join(self.owners[address] for address in sorted(self.ringing.pop(shown)))
        buttons = [BUTTONS] if notice.ack_url else []
        self.screen.frame(f"{owners}, {notice.at:%d %b %H:%M} UTC", [*shown, *buttons])
        return Accepted("shown")

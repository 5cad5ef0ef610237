"""The robot: the contact of the drill. It acknowledges a page by the page's own link, as a phone does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self
from urllib.parse import urlsplit

import httpx

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.transport.http import Reply, post
from alerting.person import ROBOT

BOUND = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Robot:
    """Posts to the link of each page, at the service's `own` address; with an empty one, at the link's own host."""

    kind: ClassVar[str] = ROBOT.contacts[0].kind
    digests: ClassVar[bool] = False
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = False

    http: httpx.AsyncClient
    own: str = ""

    @classmethod
    def configured(cls, _settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        return cls(http)

    @classmethod
    def wrong_address(cls, _address: str) -> str | None:
        return None

    async def send(self, notice: Notice, _contact: Contact) -> Outcome:
        """Acknowledge a page. Nothing else that the robot is told needs an answer."""
        if notice.kind is not NoticeKind.PAGE or not notice.ack_url:
            return Accepted()
        url = f"{self.own}{urlsplit(notice.ack_url).path}" if self.own else notice.ack_url
        match await post(self.http, url, b"", {"Content-Type": "application/x-www-form-urlencoded"}, BOUND):
            case Reply(status=status) as reply if 200 <= status < 300:
                return Accepted(reply.line)
            case Reply() as reply:
                return reply.failure()
            case Refused() | Unreachable() as failure:
                return failure

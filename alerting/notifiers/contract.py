"""The contract between the courier and a notifier: one notice out, one outcome back.

A notifier is a class with the attributes of `Notifier`. Built-in ones stand on the shelf; others
announce themselves by an entry point in the group `heartbeat.notifiers`, whose name is the kind
("ntfy") and whose value is the class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Protocol, Self

import httpx

from alerting.notice import Notice
from alerting.person import Contact as Contact


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the notice. `said` is its answer in short, for the timeline."""

    said: str = ""
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never take this notice at this address: trying again cannot help."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Not taken this time; a later try can help, no sooner than `retry_after` where the provider said so.

    `throttled` tells that the provider limits our rate: what waits for the same contact becomes a digest.
    """

    reason: str
    retry_after: timedelta | None = None
    throttled: bool = False


Outcome = Accepted | Refused | Unreachable


class Notifier(Protocol):
    """One way to reach people. Instances live as long as the process and are shared by all sends."""

    kind: ClassVar[str]
    digests: ClassVar[bool]
    """Whether several incidents may be told in one notice: true for humans, false for machines."""
    secret_settings: ClassVar[frozenset[str]]
    """Names of settings that must be given as ${NAME} or ${file:PATH}."""
    secret_address: ClassVar[bool]
    """Whether the address itself is a secret (a webhook address that anybody could post to)."""

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Build from the settings under `notifiers: {kind: …}`, secrets already filled in.

        Raises ValueError with one sentence that names the setting and what would be right.
        """
        ...

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        """One sentence on what is wrong with a contact's address, or None where it is right.

        It is asked of the text in the configuration, in which a secret is still written ${NAME}.
        """
        ...

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Hand the notice over and tell what came of it. Never raises for what a provider or network does."""
        ...

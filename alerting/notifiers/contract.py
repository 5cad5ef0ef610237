"""The contract between the courier and a notifier: one notice out, one outcome back, and receipts later.

A notifier is a class with the attributes of `Notifier`. Built-in ones stand on the shelf; others
announce themselves by an entry point in the group `heartbeat.notifiers`, whose name is the kind
("ntfy") and whose value is the class.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Protocol, Self, runtime_checkable

import httpx

from alerting.notice import Notice
from alerting.person import Contact as Contact


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the notice. `said` is its answer in short, for the timeline.

    `provider_id` is the provider's own id of it, of at most 500 printable characters: a longer one is not kept.
    """

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


@dataclass(frozen=True, slots=True)
class Arrived:
    """The provider has delivered the notice that it accepted under this id."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Undelivered:
    """The provider could not deliver the notice that it accepted under this id, and will not try again."""

    provider_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody has answered the notice at the provider. `by` is their name there, where the provider gives one."""

    provider_id: str
    by: str = ""


Receipt = Arrived | Undelivered | Acknowledgement


@dataclass(frozen=True, slots=True)
class Unsigned:
    """The call does not prove that it comes from the provider: nothing in it is believed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """The call comes from the provider, and cannot be read."""

    reason: str


Received = Sequence[Receipt] | Unsigned | Malformed


@runtime_checkable
class Receiver(Protocol):
    """A notifier whose provider calls back at `/callbacks/KIND`. Its ids must name one send each."""

    def received(self, headers: Mapping[str, str], body: bytes) -> Received:
        """Verify a call with the notifier's own settings, and return the receipts in it; an empty list for a call
        that is about something else.

        Pure: it asks nothing and nobody. Names of headers are in lower case. The same call can come twice, late and
        out of order.
        """
        ...


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

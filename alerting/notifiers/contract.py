"""The contract between the courier and a notifier: one notice out, one outcome back, and receipts later.

A notifier is a class with the attributes of `Notifier`. The built-in ones are listed in `registry`. A plugin has an
entry point in the group `heartbeat.notifiers`: its name is the kind ("ntfy"), its value the class.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Protocol, Self, runtime_checkable

import httpx

from alerting.notice import Notice
from alerting.person import Contact as Contact

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the notice. `said` is its answer in short, for the timeline.

    `provider_id` is the provider's own id of it, of at most 500 printable characters. A longer one is not stored.
    """

    said: str = ""
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never take this notice at this address: trying again cannot help.

    `address` is true if the provider says that the address itself takes nothing.
    """

    reason: str
    address: bool = False


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Not taken this time. A later try can help, no sooner than `retry_after` if the provider asked for a wait.

    `throttled` is true if the provider limits our rate: notices that wait for the same contact become a digest.
    `may_have_arrived` is true if the notice was sent and no answer came: its reader may have it all the same.
    """

    reason: str
    retry_after: timedelta | None = None
    throttled: bool = False
    may_have_arrived: bool = False


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
    """Somebody has acknowledged at the provider what it accepted as `provider_id`, or the notice whose id is `notice`.

    A button that carries the id of the notice also works if the provider's answer to its send was lost. `address` is
    that of the person there, in the form of a contact's address: whoever has this contact acknowledges. Otherwise it
    is `by`, their name there, or the person who was paged if the provider tells no name.

    `before` is the time at which they did, if the provider tells it: it is no answer to what was sent later under the
    same id.
    """

    provider_id: str = ""
    by: str = ""
    notice: str = ""
    address: str = ""
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The holder of a contact's address has answered in words. See `alerting.reply` for the words that count."""

    address: str
    words: str


Receipt = Arrived | Undelivered | Acknowledgement | Reply


@dataclass(frozen=True, slots=True)
class Unsigned:
    """The call does not prove that it comes from the provider. Nothing in it is believed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """The call comes from the provider, but cannot be read."""

    reason: str


Received = Sequence[Receipt] | Unsigned | Malformed


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a provider. Names of headers are in lower case. `query` is what follows the ? in the address.

    `at` is the time at which it came.
    """

    headers: Mapping[str, str]
    body: bytes
    query: str = ""
    at: datetime = LONG_AGO


@runtime_checkable
class Receiver(Protocol):
    """A notifier whose provider calls back at `/callbacks/KIND`. Its ids must name one send each."""

    def received(self, call: Call) -> Received:
        """Verify a call with the notifier's own settings and return its receipts, none if it is about something else.

        Pure: no network, no clock. The same call can come twice, late and out of order.
        """
        ...


@dataclass(frozen=True, slots=True)
class Response:
    """What a provider gets in answer to its call."""

    content_type: str
    text: str


@runtime_checkable
class Responder(Protocol):
    """A receiver whose provider reads the answer to its call: to show it, to say it, or to send it."""

    def response(self, call: Call, said: Sequence[str], /) -> Response:
        """Return the answer to a call that was verified. `said` has a sentence on what each answer in it did. Pure."""
        ...


@runtime_checkable
class CalledBack(Protocol):
    """A notifier that tells its provider with each send where to call back."""

    def called_back_at(self, url: str) -> Self:
        """Return this notifier with the public address of its callbacks."""
        ...


@dataclass(frozen=True, slots=True)
class Polled:
    """What a provider says of a message that it has accepted. If it is `over`, nothing more will come of it."""

    receipts: Sequence[Receipt] = ()
    over: bool = False


@runtime_checkable
class Poller(Protocol):
    """A notifier that asks what became of its messages, because its provider does not call, or signs no calls.

    It is asked each `poll_every` until it is over, also after a restart. An acknowledgement elsewhere cancels.
    """

    poll_every: ClassVar[timedelta]

    async def poll(self, provider_id: str) -> Polled | Refused | Unreachable:
        """Return what became of a message. Refused ends the questions. Raises no fault of a provider or network."""
        ...

    async def cancel(self, provider_id: str) -> Outcome:
        """Let a message ring no more, because somebody has answered. A second time changes nothing."""
        ...


class Notifier(Protocol):
    """One way to reach people. Instances live as long as the process and are shared by all sends."""

    kind: ClassVar[str]
    digests: ClassVar[bool]
    """True if several incidents may share one notice: for humans, not for machines."""
    secret_settings: ClassVar[frozenset[str]]
    """Names of settings that must be given as ${NAME} or ${file:PATH}."""
    secret_address: ClassVar[bool]
    """True if the address itself is a secret, such as a webhook address to which anybody could post.

    A notifier may also have these:

    - `shared: ClassVar[bool]`: true if several people read an address, so that a notice names the person and not "you".
    - `edits: ClassVar[bool]`: true if it changes its messages as their incident changes. A notice then has their ids.
    - `replaces: ClassVar[bool]`: true if the next notice of an incident takes the place of the last on the screen.
      People are then told of their own answers too.
    - `by_device: ClassVar[bool]`: true if devices add themselves, so that no definition has such contacts.
    - `pages_only: ClassVar[bool]`: true if it takes only what needs an answer, because it rings each time.
    - `server_in_settings: ClassVar[bool]`: true if the settings alone name the server, so that their origin and not
      that of an address decides how far a notice may reach.
    - `file_only: ClassVar[bool]`: true if it does not use `http`, so that only the file may name addresses.
    - `receipt_within: ClassVar[timedelta]`: the time within which its provider reports that an accepted notice has
      arrived. A page without this report goes on to the next contact at the end of it.
    """

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier with the settings under `notifiers: {kind: …}`, secrets already filled in.

        Raises ValueError with one sentence that names the setting and a right value.
        """
        ...

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        """Return one sentence on the fault of a contact's address, or None if it is right.

        The address is the text of the configuration, in which a secret is still written ${NAME}.
        """
        ...

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Send the notice and return the outcome. Raises no fault of a provider or network."""
        ...


@runtime_checkable
class Reteller(Protocol):
    """A notifier whose provider forgets an incident, unless it is told of it each minute while it lasts."""

    async def send_again(self, notices: Sequence[Notice], contact: Contact) -> Outcome:
        """Send notices of incidents, of which the contact has taken others, as they are now."""
        ...

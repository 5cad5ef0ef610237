"""Verification by a code: it is sent to one contact of a person and typed here, which proves that pages arrive there.

It is for contacts from which neither a link nor a reply comes back. Only a keyed hash of the code is stored. It goes
out at once, like a test page, and is not sent again: who waits for it sees its outcome and asks for another.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from alerting import contact_code, desk, notice, times
from alerting.contact_code import Code, Mistyped, NoCode, Right
from alerting.delivery import provider_id
from alerting.notifiers import registry
from alerting.notifiers.contract import Outcome, Refused
from alerting.notifiers.registry import Setup
from alerting.person import Contact, Person
from heartbeat import audit, installation, trial
from heartbeat.actor import Actor, Role
from heartbeat.database import Database
from heartbeat.trial import Sender

if TYPE_CHECKING:  # It brings metrics along, for which no command waits.
    from heartbeat.foundation import Foundation

GONE = "This contact was changed or removed. Nothing was changed: look at the person again."
_PURPOSE = b"heartbeat contact code\n"
_NOT_A_CODE = (
    f"code: must be the {contact_code.DIGITS} digits that arrived, such as 482913. Nothing was changed."
)
_NO_CODE = "code: the last one was used, has expired or was mistyped too often. Nothing was changed: send another code."
_MISTYPED = "code: this is not the one that was sent last, and it was mistyped too often. Send another code."


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A code that went out to a contact, and the outcome of its one attempt."""

    person: Person
    contact: Contact
    outcome: Outcome
    until: datetime


@dataclass(frozen=True, slots=True)
class TooManyCodes:
    """Nothing was sent: the next code may go to this contact at `next_at`."""

    next_at: datetime

    def sentence(self, now: datetime) -> str:
        """Return what is so in one sentence."""
        wait = self.next_at - now
        if wait > timedelta(minutes=1):
            wait += timedelta(seconds=59)
        return f"Nothing was sent: this contact can get another code in {times.duration(wait)}."


@dataclass(frozen=True, slots=True)
class ReadByMachine:
    """Nothing was sent: nobody could read a code there."""

    kind: str

    @property
    def sentence(self) -> str:
        """What is so in one sentence."""
        return f"Nothing was sent: what {self.kind} gets, a machine reads. Send a test page instead."


@dataclass(frozen=True, slots=True)
class NotACode:
    """What was typed cannot be a code, so that it counts as no try."""


CodeSending = CodeSent | TooManyCodes | ReadByMachine | None
"""What came of sending a code. None if there is no such contact."""
Confirmation = Contact | Mistyped | NoCode | NotACode | None
"""What came of typing a code: the contact that is proven now. None if there is no such contact."""


def may_verify(actor: Actor, person: str) -> bool:
    """Return whether somebody may send and type codes of a person: they themself, or an admin beside them."""
    return actor.person == person or actor.role.may(Role.ADMIN)


def takes_codes(kind: str) -> bool:
    """Return whether people read what this kind of notifier sends, as far as it is known."""
    notifier = registry.installed().kinds.get(kind)
    return notifier is None or notifier.digests


def sender(foundation: "Foundation") -> Callable[[str, str, Actor], Awaitable[CodeSending]]:
    """Return what sends a code to a contact, by the name of its person and its mark: see `send`."""
    sending = trial.sender(foundation)

    async def send_code(name: str, mark: str, actor: Actor) -> CodeSending:
        return await send(foundation.database, sending, name, mark, actor, foundation.clock.now())

    return send_code


def new_code() -> str:
    """Return a code that nobody can foresee."""
    return f"{secrets.randbelow(10**contact_code.DIGITS):0{contact_code.DIGITS}}"


async def send(
    database: Database, sender: Sender, name: str, mark: str, actor: Actor, now: datetime
) -> CodeSending:
    """Send a new code to the contact `mark` of a person. Older ones are of no more use."""
    code = new_code()
    code_hash = hashed(sender.secret_key, name, mark, code)
    begun = await database.write(lambda db: _begin(db, name, mark, code_hash, actor, now))
    if not isinstance(begun, _Begun):
        return begun
    message = notice.proof_code(
        begun.person,
        begun.contact,
        code,
        contact_code.LASTS,
        home=sender.public_url,
        installation=begun.installation,
        now=now,
    )
    outcome = await sender.deliver(begun.setups, message, begun.person, begun.contact)
    await database.write(lambda db: _record(db, begun, outcome))
    return CodeSent(begun.person, begun.contact, outcome, now + contact_code.LASTS)


def confirm(
    db: Connection, keys: Sequence[str], name: str, mark: str, typed: str, actor: Actor, now: datetime
) -> Confirmation:
    """Judge what somebody typed for the last code of a contact, and prove the contact if it is right.

    `keys` are the secret keys by which it may be hashed.
    """
    code = "".join(typed.split()).replace("-", "")
    if len(code) != contact_code.DIGITS or not (code.isascii() and code.isdigit()):
        return NotACode()
    found = _found(db, name, mark)
    if found is None:
        return None
    desk.contact_code_store.lock_person(db, name)
    last = last_codes(db, name, now).get(mark)
    is_right = last is not None and any(
        hmac.compare_digest(hashed(key, name, mark, code), last.hashed) for key in keys
    )
    match contact_code.judge(last, is_right, now):
        case Right(right):
            desk.contact_code_store.use(db, right)
            _prove(db, found, actor, now)
            return found[1]
        case Mistyped(wrong) as mistyped:
            desk.contact_code_store.count_wrong(db, wrong)
            return mistyped
        case NoCode() as none:
            return none


def refusal(verdict: Mistyped | NoCode | NotACode) -> str:
    """Return why a code proves nothing, in one sentence."""
    match verdict:
        case NotACode():
            return _NOT_A_CODE
        case NoCode():
            return _NO_CODE
        case Mistyped(left=0):
            return _MISTYPED
        case Mistyped(left=left):
            tries = "1 try is" if left == 1 else f"{left} tries are"
            return f"code: this is not the one that was sent last. Nothing was changed: {tries} left."


def last_codes(db: Connection, name: str, now: datetime) -> dict[str, Code]:
    """Return the last code that was sent to each contact of a person in the last hour, by the contact's mark."""
    return {code.mark: code for code in desk.contact_code_store.of_person(db, name, now)}


def hashed(key: str, name: str, mark: str, code: str) -> str:
    """Return the keyed hash of a code: without the key, so few digits would soon be tried out."""
    return hmac.new(key.encode(), _PURPOSE + f"{mark}.{name}.{code}".encode(), sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class _Begun:
    """A code that is about to be sent: its number, its recipient, and what its notice is made of."""

    number: int
    person: Person
    contact: Contact
    setups: Mapping[str, Setup]
    installation: str | None


def _begin(
    db: Connection, name: str, mark: str, code_hash: str, actor: Actor, now: datetime
) -> _Begun | TooManyCodes | ReadByMachine | None:
    """Write a code before it is sent, so that it counts whatever becomes of the send."""
    found = _found(db, name, mark)
    if found is None:
        return None
    person, contact = found
    if not takes_codes(contact.kind):
        return ReadByMachine(contact.kind)
    desk.contact_code_store.lock_person(db, name)
    next_at = contact_code.next_at(desk.contact_code_store.of_person(db, name, now), mark, now)
    if next_at > now:
        return TooManyCodes(next_at)
    number = desk.contact_code_store.add(db, name, contact, code_hash, now)
    audit.record(db, actor, "person.verify", f"person {name}", now, after={"contact": contact.kind})
    return _Begun(number, person, contact, desk.notifier_settings.load(db), installation.name(db))


def _record(db: Connection, begun: _Begun, outcome: Outcome) -> None:
    desk.contact_code_store.record(
        db, begun.number, trial.word(outcome), trial.said(outcome), provider_id(outcome)
    )
    if isinstance(outcome, Refused) and outcome.address:
        desk.refute(db, begun.person, begun.contact)


def _prove(db: Connection, found: tuple[Person, Contact], actor: Actor, now: datetime) -> None:
    person, contact = found
    desk.prove(db, person.id, contact.mark, now)
    after = {"contact": contact.kind, "by": "code"}
    audit.record(db, actor, "person.prove", f"person {person.id}", now, after=after)


def _found(db: Connection, name: str, mark: str) -> tuple[Person, Contact] | None:
    """Return a person and their contact. A channel has nobody who would prove it for everybody else."""
    person = desk.people(db).get(name)
    contacts = person.all_contacts if person and not person.channel else ()
    contact = next((contact for contact in contacts if contact.mark == mark), None)
    return (person, contact) if person and contact else None

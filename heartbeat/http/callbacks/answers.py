"""Answers that a provider brings: a button or a key that was pressed there, or a reply in words.

Each is somebody's: the person whose contact has the address that answers, else the name that the provider tells, else
the person who was paged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import desk, reply
from alerting.notifiers.contract import Acknowledgement, Reply
from alerting.notifiers.wording import quoted
from alerting.person import Contact, Person
from alerting.reply import AsksBack, Told
from heartbeat import audit, signed_link
from heartbeat.actor import Actor, Role
from heartbeat.checks import actions
from heartbeat.http.callbacks import digest_link, proof_link
from heartbeat.http.callbacks import signed_link as answer_link
from heartbeat.http.context import Context
from heartbeat.http.pages import rows as view_rows

UNKNOWN = "This message is not known here. Nothing was changed."
LATELY = timedelta(hours=1)
"""The time for which a message to a phone is what a reply may be about, even if it waits for no answer any more."""
MOST = 1_000
"""Incidents that one reply acknowledges, at most."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A provider that calls, or that was asked: the kind of its notifier, and the address of the connection, if any."""

    kind: str
    remote: str = ""


async def acknowledged(context: Context, caller: Caller, receipt: Acknowledgement) -> str:
    """Acknowledge what a button or a key is about, and return what that did in one sentence."""
    now = context.clock.now()
    named = await context.database.read(lambda db: _named(db, caller, receipt))
    said = [await _acknowledge(context, caller, receipt, each, now) for each in named]
    return " ".join(dict.fromkeys(said)) or UNKNOWN


async def replied(context: Context, caller: Caller, receipt: Reply) -> str:
    """Do what somebody asked for in words, and return the sentence for them; empty for a stranger."""
    now = context.clock.now()
    # Whose number it is, is found out before the transaction: pings wait for one on SQLite.
    people = await context.database.read(desk.people)
    holders = context.receivers.contacts_at(caller.kind, receipt.address, people)
    if not holders:
        return ""
    return await context.database.write(lambda db: _reply(context, db, caller, receipt, holders, now))


def _named(db: Connection, caller: Caller, receipt: Acknowledgement) -> Sequence[desk.Named]:
    if not receipt.notice:
        return desk.sent_under(db, caller.kind, receipt.provider_id, receipt.before)
    named = desk.named(db, receipt.notice)
    return [named] if named else []


async def _acknowledge(
    context: Context, caller: Caller, receipt: Acknowledgement, named: desk.Named, now: datetime
) -> str:
    # As above: before the transaction.
    people = await context.database.read(desk.people)
    actor = _actor(context, people, caller, receipt, named.person)

    def work(db: Connection) -> str:
        match named:
            case desk.NamedPage():
                by = quoted(receipt.by) if not actor.person else None
                zone = _zone(people.get(actor.person))
                return _answered(context, db, named.incident, named.occurrence, actor, now, zone, by=by)
            case desk.NamedTest():
                return _proven(db, actor, named.person, named.mark, named.sent_at, now)
            case _:
                return actor.name

    if isinstance(named, desk.NamedDigest):
        return digest_link.sentence(await digest_link.acknowledge(context, named.number, actor, now))
    return await context.database.write(work)


def _actor(
    context: Context, people: Mapping[str, Person], caller: Caller, receipt: Acknowledgement, paged: str
) -> Actor:
    """Return whose answer this is."""
    holders = context.receivers.contacts_at(caller.kind, receipt.address, people)
    if holders:
        # Two people may share a phone: then it is the one who was paged.
        person = next((person for person, _ in holders if person.id == paged), holders[0][0])
        return _actor_of(caller, person.name, person.id)
    if by := quoted(receipt.by):
        return _actor_of(caller, by, "")
    return _actor_of(caller, view_rows.names(people).get(paged, paged), paged)


def _zone(person: Person | None) -> str:
    return person.timezone if person else "UTC"


def _actor_of(caller: Caller, name: str, person: str) -> Actor:
    return Actor(name, Role.RESPONDER, f"callback {caller.kind}", caller.remote, person=person)


def _answered(
    context: Context,
    db: Connection,
    incident: int,
    occurrence: int,
    actor: Actor,
    now: datetime,
    zone: str,
    by: str | None = None,
) -> str:
    outcome = actions.acknowledge(db, incident, actor, now, by=by, occurrence=occurrence)
    context.metrics.paging.observe_answer(outcome)
    return answer_link.sentence(outcome, now, zone)


def _proven(db: Connection, actor: Actor, person: str, mark: str, sent_at: datetime, now: datetime) -> str:
    if now - sent_at >= signed_link.LASTS:
        return "This test page is too old. Send a new one."
    proven = desk.prove(db, person, mark, now)
    if proven is None:
        return proof_link.GONE
    after = {"contact": proven[1].kind}
    audit.record(db, actor, "person.prove", f"person {person}", now, after=after)
    return proof_link.THANKS


def _reply(
    context: Context,
    db: Connection,
    caller: Caller,
    receipt: Reply,
    holders: Sequence[tuple[Person, Contact]],
    now: datetime,
) -> str:
    found = desk.told(
        db, [(person.id, contact.mark) for person, contact in holders], caller.kind, now - LATELY, MOST
    )
    waiting = any(waits for *_, waits in found)
    if not waiting and reply.is_answer(receipt.words) and (said := _arrived(db, caller, holders, now)):
        return said
    told = {Told(number, occurrence, waits): person for number, occurrence, person, waits in found}
    meaning = reply.meant(receipt.words, list(told))
    if isinstance(meaning, AsksBack):
        return meaning.sentence
    holder_of = {person.id: person for person, _ in holders}
    answered = [_by_holder(context, db, caller, each, holder_of[told[each]], now) for each in meaning.told]
    return answered[0] if len(answered) == 1 else f"{len(answered):,} incidents acknowledged."


def _by_holder(
    context: Context, db: Connection, caller: Caller, told: Told, person: Person, now: datetime
) -> str:
    actor = _actor_of(caller, person.name, person.id)
    return _answered(context, db, told.incident, told.occurrence, actor, now, _zone(person))


def _arrived(db: Connection, caller: Caller, holders: Sequence[tuple[Person, Contact]], now: datetime) -> str:
    """Note that a test page arrived at the contact of which somebody replies. Empty if none is waited for."""
    proofs = desk.contact_proofs(db, [person.id for person, _ in holders])
    for person, contact in holders:
        proof = proofs.get((person.id, contact.mark), desk.NO_PROOF)
        if proof.sent_at and (proof.proven_at is None or proof.proven_at < proof.sent_at):
            actor = _actor_of(caller, person.name, person.id)
            return _proven(db, actor, person.id, contact.mark, proof.sent_at, now)
    return ""

"""Composes notices: the text that a person reads on the phone. Pure; `now` and the reader's zone are arguments.

A title is in `notice_title`, the lines are in `notice_lines`, the facts for machines in `notice_details`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote

from alerting import outside, times
from alerting.incident import State
from alerting.notice_details import details
from alerting.notice_lines import lines, runbook_of, speaker
from alerting.notice_title import TITLE_LIMIT as TITLE_LIMIT
from alerting.notice_title import called as called
from alerting.notice_title import clauses, ended_well, fitted
from alerting.notice_title import extent as extent
from alerting.notice_title import in_short as in_short
from alerting.person import Contact, Person
from alerting.severity import Severity
from alerting.subject import Links as Links
from alerting.subject import NoticeKind as NoticeKind
from alerting.subject import Subject as Subject
from alerting.subject import cut, runbook_link

SMS_LIMIT = 160


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to one person, in words, with the same facts for machines.

    `id` is the same across retries and after a crash. `dedup_key` is the same for every notice of an incident, so that
    providers form one thread. `lines` are the facts after the title, most important first; if space is short, the end
    is cut. `short` is the whole in at most 160 characters. `ack_url` is set if the notice can be acknowledged: GET
    shows a form, POST acts.
    """

    kind: NoticeKind
    id: str
    dedup_key: str
    severity: Severity
    title: str
    lines: tuple[str, ...]
    short: str
    at: datetime
    opened_at: datetime
    incident: int | None = None
    sequence: int = 0
    """Counts the notices of one incident to one person from 0: the first opens the thread."""
    reopens: bool = False
    """True for the first page of an occurrence to a contact that has a page of an earlier one. A provider with an
    incident of its own may have it acknowledged, and would notify nobody."""
    thread: str | None = None
    """The provider's id of the first notice of this incident that this contact took, if this is not the first one."""
    messages: tuple[str, ...] = ()
    """The provider's ids of the messages that the contact has of this incident: the first and the newest page.

    Empty for a notifier that changes no messages, and for an incident that only a digest told of."""
    open_url: str | None = None
    ack_url: str | None = None
    runbook_url: str | None = None
    """What to do, if it is a URL. The lines name it too."""
    output: str = ""
    """The last lines of the output of the job `output_of`, if they are more than the one in `lines`."""
    output_of: str = ""
    fine: bool = False
    """True if all that it is about is fine: only then is a green mark true."""
    details: Mapping[str, object] = field(default_factory=dict)
    """The facts for machines, as JSON values."""
    code: str = field(default="", repr=False)
    """The code that the title brings, which a voice reads digit by digit. Empty in any other notice."""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def ack_label(self) -> str:
        """The words on the button of `ack_url`."""
        return "I got it" if self.kind is NoticeKind.TEST else "Acknowledge"

    @property
    def buttons(self) -> tuple[tuple[str, str], ...]:
        """The links for people, each with its label, in the order in which they are needed."""
        links = (self.ack_label, self.ack_url), ("Open", self.open_url), ("Runbook", self.runbook_url)
        return tuple((label, url) for label, url in links if url)


def compose(subject: Subject, now: datetime) -> Notice:
    """Return the notice for one person: what, since when, whether it is only this, what to do, why you."""
    incident = subject.incident
    said = clauses(subject, now)
    title, over = fitted(said)
    facts = lines(subject, over, now)
    spoken = speaker(subject, now)
    runbook = runbook_of(subject, now)
    answerable = subject.kind in (NoticeKind.PAGE, NoticeKind.UPDATE) and incident.state is State.OPEN
    return Notice(
        kind=subject.kind,
        id=subject.page,
        dedup_key=outside.of_incident(incident),
        severity=incident.severity,
        title=title,
        lines=facts,
        short=cut(". ".join([", ".join([title, *over]), *facts[bool(over) :][:1]]), SMS_LIMIT),
        at=now,
        opened_at=incident.opened_at,
        incident=incident.id,
        sequence=subject.sequence,
        reopens=subject.reopens,
        thread=subject.thread,
        messages=tuple(subject.messages),
        open_url=subject.links.open_url,
        ack_url=subject.links.ack_url if answerable else None,
        runbook_url=runbook_link(runbook),
        output=spoken.facts.output if spoken else "",
        output_of=spoken.title if spoken else "",
        fine=subject.kind is NoticeKind.RECOVERED and ended_well(subject, now),
        details=details(subject, now),
    )


def trial(
    person: Person,
    contact: Contact,
    severity: Severity,
    links: Links,
    now: datetime,
    installation: str | None,
) -> Notice:
    """Return a notice that tests a contact, as loud as a page of this severity. Its answer proves that it arrived.

    `installation` is the name of ours.
    """
    own_id = outside.of_test(person.id, contact.mark, installation, now)
    title = f"TEST page for {person.name}: nothing is wrong"
    facts = (
        f"This tests {contact.kind} for {person.name}, as loud as a page of severity {severity.value}.",
        "Press “I got it”, so that everybody knows that pages reach this phone.",
    )
    return Notice(
        kind=NoticeKind.TEST,
        id=own_id,
        # Each test is an incident of its own there: a provider does not notify again for one that is open.
        dedup_key=own_id,
        severity=severity,
        title=cut(title, TITLE_LIMIT),
        lines=facts,
        short=cut(f"{title}. {facts[0]}", SMS_LIMIT),
        at=now,
        opened_at=now,
        open_url=links.open_url,
        ack_url=links.ack_url,
    )


def proof_code(
    person: Person,
    contact: Contact,
    code: str,
    lasts: timedelta,
    *,
    home: str,
    installation: str | None,
    now: datetime,
) -> Notice:
    """Return the notice that brings a code to a contact: typed in the console within `lasts`, it proves the contact.

    It is no louder than it must be: its reader waits for it. `home` is the public address.
    """
    own_id = outside.of_test(person.id, contact.mark, installation, now)
    title, reaches = f"{code} is the code for {person.name}", f"pages reach {person.name} by {contact.kind}"
    facts = (
        f"Type it in heartbeat within {times.duration(lasts)}: it proves that {reaches}.",
        "If you did not ask for it, you can ignore it.",
    )
    return Notice(
        kind=NoticeKind.TEST,
        id=own_id,
        dedup_key=own_id,
        severity=Severity.WARNING,
        title=cut(title, TITLE_LIMIT),
        lines=facts,
        short=cut(f"{title}. {facts[0]}", SMS_LIMIT),
        at=now,
        opened_at=now,
        open_url=f"{home}/on-call/people/{quote(person.id, safe='')}",
        code=code,
    )


@dataclass(frozen=True, slots=True)
class Message:
    """What the service has to say of itself: a fault since a time, or that it is over."""

    title: str
    lines: tuple[str, ...]
    since: datetime
    over: bool


def of_service(
    message: Message,
    person: Person,
    contact: Contact,
    *,
    home: str,
    installation: str | None,
    now: datetime,
) -> Notice:
    """Return a notice about the service itself, which goes out without the outbox. Nothing can answer it."""
    about = f"service-{person.id}-{contact.mark}"
    return Notice(
        kind=NoticeKind.RECOVERED if message.over else NoticeKind.PAGE,
        id=outside.of_service(about, installation, now),
        dedup_key=outside.of_service(about, installation, message.since),
        severity=Severity.CRITICAL,
        title=cut(message.title, TITLE_LIMIT),
        lines=message.lines,
        short=cut(". ".join([message.title, *message.lines[:1]]), SMS_LIMIT),
        at=now,
        opened_at=message.since,
        open_url=f"{home}/",
        fine=message.over,
    )

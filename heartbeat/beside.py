"""The loops beside the ticker: they watch, publish, sum up, send mail and clean up."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from alerting.retelling import EVERY as RETOLD_EVERY
from heartbeat import notifier_clients, trial
from heartbeat.canary_watch import CanaryWatch
from heartbeat.clock_guard import ClockGuard
from heartbeat.foundation import Foundation
from heartbeat.loop import Loop
from heartbeat.on_call.calendar_watch import CalendarWatch
from heartbeat.on_call.coverage_watch import CoverageWatch
from heartbeat.on_call.relief_watch import ReliefWatch
from heartbeat.on_call.trial_watch import TrialWatch
from heartbeat.pings.body_limit import MB, BodyLimit
from heartbeat.pings.creation import CreationLimit
from heartbeat.pings.limit_watch import LimitWatch
from heartbeat.pings.liveness import Liveness
from heartbeat.pings.rollup import Rollup
from heartbeat.pings.unusual_watch import UnusualWatch
from heartbeat.receipt_watch import Answered, ReceiptWatch
from heartbeat.retention import Retention
from heartbeat.review.week_mail import WeekMail
from heartbeat.sight_alarm import SightAlarm
from heartbeat.status.automation import Automation
from heartbeat.status.publish.hook import Hook
from heartbeat.status.publish.publisher import Publisher
from heartbeat.status.subscribers.sender import MailSender
from heartbeat.storage_alarm import StorageAlarm


@dataclass(slots=True)
class Beside:
    """The loops of one system. Each has a role, and the watches run in every process."""

    storage_alarm: StorageAlarm
    canary_watch: CanaryWatch
    sight_alarm: SightAlarm
    liveness: Liveness
    publisher: Publisher
    automation: Automation
    retention: Retention
    limit_watch: LimitWatch
    calendar_watch: CalendarWatch
    coverage_watch: CoverageWatch
    relief_watch: ReliefWatch
    trial_watch: TrialWatch
    body_limit: BodyLimit
    rollup: Rollup
    unusual_watch: UnusualWatch
    mail_sender: MailSender
    week_mail: WeekMail
    receipt_watch: ReceiptWatch
    retelling: Loop[None]
    _running: list[asyncio.Task[None]] = field(default_factory=list)

    def begin(self, roles: Collection[str], *, publishes: bool = True) -> None:
        """Begin the loops for which this process has the role.

        Without `publishes`, another process of this machine publishes the status pages that this one serves.
        """
        loops = (
            ("api", self.liveness.run),
            ("api", self.publisher.run if publishes else self.publisher.follow),
            ("checker", self.automation.run),
            ("checker", self.retention.run),
            ("checker", self.limit_watch.run),
            ("checker", self.calendar_watch.run),
            ("checker", self.coverage_watch.run),
            ("checker", self.relief_watch.run),
            ("checker", self.body_limit.run),
            ("api", self.rollup.run),
            ("checker", self.rollup.run_catching_up),
            ("checker", self.unusual_watch.run),
            ("pager", self.trial_watch.run),
            ("pager", self.mail_sender.run),
            ("pager", self.week_mail.run),
            ("pager", self.receipt_watch.run),
            ("pager", self.retelling.run),
        )
        watches = self.storage_alarm.run, self.canary_watch.run, self.sight_alarm.run
        own = (*watches, *(run for role, run in loops if role in roles))
        self._running += [asyncio.create_task(run()) for run in own]

    async def rest(self) -> None:
        """End the loops, and the publisher's hook."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.publisher.rest()


def build(
    foundation: Foundation,
    guard: ClockGuard,
    *,
    refused: Callable[[], bool],
    creation_limit: CreationLimit,
    rollup: Rollup,
    answered: Answered,
    retell: Callable[[], Awaitable[None]],
) -> Beside:
    """Build the loops. `refused` returns True if pings were refused since it was asked last.

    `answered` applies an acknowledgement that was found at a provider. `retell` tells providers that forget how all
    stands.
    """
    settings, database, clock = foundation.settings, foundation.database, foundation.clock
    metrics = foundation.metrics
    storage_alarm, canary_watch, sight_alarm = _about_itself(foundation, guard)
    return Beside(
        storage_alarm=storage_alarm,
        canary_watch=canary_watch,
        sight_alarm=sight_alarm,
        liveness=Liveness(database, clock, metrics, now=guard.now, refused=refused),
        publisher=_publisher(foundation),
        automation=Automation(database, clock, metrics, calm=guard.calm),
        retention=_retention(foundation, guard),
        limit_watch=LimitWatch(database, clock, metrics, creation_limit, settings.keep_bodies),
        calendar_watch=_calendar_watch(foundation),
        coverage_watch=CoverageWatch(database, clock, metrics, ahead=settings.coverage_ahead),
        relief_watch=ReliefWatch(database, clock),
        trial_watch=TrialWatch(
            database, clock, metrics, trial.tester(foundation), every=settings.test_pages_every
        ),
        body_limit=BodyLimit(database, clock, metrics, settings.keep_bodies * MB),
        rollup=rollup,
        unusual_watch=UnusualWatch(database, clock, metrics, warns=settings.unusual == "warn"),
        mail_sender=_mail_sender(foundation),
        week_mail=_week_mail(foundation),
        receipt_watch=ReceiptWatch(
            database, clock, foundation.assembler(), answered=answered, wake=foundation.wake
        ),
        retelling=Loop("retelling", retell, pause=lambda _: RETOLD_EVERY.total_seconds()),
    )


def _about_itself(foundation: Foundation, guard: ClockGuard) -> tuple[StorageAlarm, CanaryWatch, SightAlarm]:
    """Return the loops that tell people of the service itself. Only who pages does."""
    settings, database, clock = foundation.settings, foundation.database, foundation.clock
    metrics, home, host = foundation.metrics, settings.public_url, socket.gethostname()
    deliver = notifier_clients.sender(settings, foundation.assembler()) if "pager" in settings.roles else None
    storage = StorageAlarm(database, clock, metrics, deliver, host=host, home=home)
    every = settings.canary_every
    canary = CanaryWatch(database, clock, metrics, deliver, every=every, host=host, home=home)
    sight = SightAlarm(
        database, guard, metrics, deliver, stored=lambda: storage.working, host=host, home=home
    )
    return storage, canary, sight


def _retention(foundation: Foundation, guard: ClockGuard) -> Retention:
    settings = foundation.settings
    return Retention(
        foundation.database,
        foundation.clock,
        foundation.metrics,
        incidents=settings.keep_incidents,
        transitions=settings.keep_transitions,
        calm=guard.calm,
    )


def _calendar_watch(foundation: Foundation) -> CalendarWatch:
    return CalendarWatch(
        foundation.database,
        foundation.clock,
        foundation.metrics,
        own=foundation.http,
        entered=foundation.entered,
        fill_in=notifier_clients.filler(foundation.settings),
    )


def _mail_sender(foundation: Foundation) -> MailSender:
    settings = foundation.settings
    return MailSender(
        foundation.database,
        foundation.clock,
        foundation.metrics,
        foundation.assembler(),
        home=settings.public_url,
        secret=settings.secret_key,
    )


def _week_mail(foundation: Foundation) -> WeekMail:
    settings = foundation.settings
    return WeekMail(
        foundation.database,
        foundation.clock,
        foundation.assembler(),
        addresses=settings.digest_to,
        home=settings.public_url,
    )


def _publisher(foundation: Foundation) -> Publisher:
    settings, metrics = foundation.settings, foundation.metrics.status_pages
    directory = settings.status_dir or settings.data_dir / "status"
    return Publisher(
        foundation.database,
        foundation.clock,
        directory,
        home=settings.public_url,
        hook=Hook(settings.status_hook, directory, metrics.observe_hook),
        observe=metrics.observe_publication,
    )

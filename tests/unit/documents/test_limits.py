"""docs/limits.md names the limits and the bounds of the code."""

import inspect
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from alerting import (
    answer,
    breaker,
    contact_code,
    courier,
    coverage,
    delivery,
    desk,
    digest,
    digest_store,
    escalator,
    incident,
    leases,
    next_page,
    paging_history,
    quiet_hours,
    receipts,
    relief,
    retelling,
    sending,
    timeline,
)
from alerting.delivery import Retry, Tries
from alerting.notice import NoticeKind
from alerting.notifiers import (
    alertmanager,
    apprise,
    discord,
    matrix,
    mattermost,
    opsgenie,
    push,
    signal,
    teams,
)
from alerting.notifiers.contract import Unreachable
from alerting.notifiers.transport import connections, egress, names
from alerting.notifiers.transport import http as transport_http
from alerting.person import Contact
from heartbeat import (
    app,
    clock_guard,
    configuration_file,
    database,
    logs,
    outside_heartbeat,
    retention,
    settings,
    sight_alarm,
    signed_link,
    storage_alarm,
    ticker,
    trial,
)
from heartbeat.access import account, hasher, oidc, refusal_log, second_factor, session, tries, users
from heartbeat.access import api_key as access_key
from heartbeat.access import pending_sign_in as code_ticket
from heartbeat.access import store as access_store
from heartbeat.checks import (
    actions,
    blindness,
    blindness_store,
    canary,
    checker,
    definition,
    dependency,
    expectation,
    headway,
    life,
    maintenance,
    parents,
    progress,
    recurrence,
    replay,
    rule,
    rule_grammar,
    surroundings,
)
from heartbeat.definitions import status_page as definition_status_page
from heartbeat.definitions.edit import devices, overrides, reachability
from heartbeat.definitions.edit import maintenance as arranging
from heartbeat.http import admission, calendars, connection, forms, health, limits, server
from heartbeat.http.callbacks import answers, provider
from heartbeat.http.console import request, stream
from heartbeat.http.console.checks import bulk, search
from heartbeat.http.console.checks import list as check_list
from heartbeat.http.console.checks import query as check_query
from heartbeat.http.pages import live, shared
from heartbeat.http.pings import dialect, healthchecks, receiver
from heartbeat.http.prometheus import checks as check_series
from heartbeat.http.status import pages as status_page_views
from heartbeat.http.status import subscribe
from heartbeat.http.v1 import fields, keyed
from heartbeat.measurements import history as measured
from heartbeat.on_call import (
    calendar,
    calendar_events,
    calendar_fetch,
    calendar_people,
    calendar_process,
    calendar_reader,
    calendar_report,
    calendar_watch,
    coverage_watch,
    relief_watch,
    trial_round,
    trial_watch,
)
from heartbeat.operations import doctor_facts, open_files, serve, serving_process, standby
from heartbeat.operations.come_over import source
from heartbeat.pings import body_limit, ingest, limit_watch, measurement, reached_limit, rollup, rule_trial
from heartbeat.pings import store as pings
from heartbeat.review import material, paging, postmortem, text_plot
from heartbeat.status import announcement, automation, catching_up
from heartbeat.status.publish import edition, hook, publisher, snapshot
from heartbeat.status.subscribers import link as subscriber_link
from heartbeat.status.subscribers import sender as subscriber_sender
from heartbeat.status.subscribers import store as subscriber_store
from heartbeat.status.uptime import count as uptime_count
from tests.unit.documents.documentation import (
    DEFAULT,
    HOUR,
    ROOT,
    read,
    row_of,
    rows,
    section,
)


def in_source(of: object, pattern: str) -> float:
    """Return a number that has no name in the code."""
    source = inspect.getsource(of)  # type: ignore[arg-type]  # a module or a function
    match = re.search(pattern, source)
    assert match, pattern
    return float(match[1])


def _longest_retry_after() -> timedelta:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    outcome = Unreachable("429", timedelta(days=30), throttled=True)
    next_step = delivery.after_attempt(
        Tries(NoticeKind.PAGE, now, 0, 0, 0, [Contact("pager", "1")]), outcome, now, 0
    )
    assert isinstance(next_step, Retry)
    return next_step.at - now


CONNECTING = in_source(database, r'"connect_timeout": (\d+)')
UNHEARD = in_source(database, r'"tcp_user_timeout": (\d+)') / 1000
LOCKED = in_source(database, r'"timeout": ([\d.]+)')

LIMITS: Mapping[str, str] = {
    "Head of a request": f"{connection.HEAD_BOUND:g} s,",
    "Whole request, head and body": f"{connection.REQUEST_BOUND:g} s,",
    "The same with an API key, for a long body on a slow line": f"1 s more for each {connection.LEAST_RATE:,} bytes",
    "Size of a request's head": f"{connection.HEAD_LIMIT:,} bytes",
    "Fields in a request's head": f"{connection.MOST_FIELDS},",
    "Address of a request": f"{connection.TARGET_LIMIT:,} bytes",
    "Parameters of an address": f"{limits.MOST_PARAMETERS},",
    "Parameters that are read of a ping's address": f"{healthchecks.MOST_PARAMETERS};",
    "Answer that the client does not take": f"{connection.STALL_BOUND:g} s without",
    "Bytes of an answer that the system keeps for a client": f"{server.SEND_BUFFER:,}",
    "Requests waiting on one connection for an earlier answer": f"{connection.PIPELINED},",
    "Concurrent connections": f"{connection.MAX_CONNECTIONS:,},",
    "Open files that connections leave for the database and for pages": f"{open_files.RESERVE},",
    "Open files that the process allows itself at the start": f"{open_files.WANTED:,},",
    "Connections kept for pings, `/livez` and `/readyz`": f"1 in {admission.RESERVED}",
    "Other requests under way from one network": f"`Retry-After: {admission.RETRY_AFTER.decode()}`",
    "Requests other than pings and probes that begin in one turn of the event loop": f"{admission.BEGUN},",
    "Connections accepted in one turn of the event loop": f"{server.ACCEPTED}",
    "Bytes of a request that the system keeps for the service": f"{server.RECEIVE_BUFFER:,}",
    "Idle connection": f"{connection.IDLE_BOUND:g} s",
    "Body of a ping": f"{receiver.BODY_BOUND:g} s;",
    "Bytes kept of a ping's body": f"{DEFAULT.ping_body_limit:,} (",
    "Bytes read of a ping's body": f"{receiver.DRAIN_LIMIT:,},",
    "Form of somebody who is not known: sign-in, one-time link, subscription": f"{forms.STRANGERS_LIMIT // 1_000} kB,",
    "Form of somebody who is signed in or holds a link from a page": f"{forms.LIMIT // 1_000} kB,",
    "Body of the API that is parsed in a thread of its own": f"over {keyed.PARSED_AT_ONCE // 1_000} kB",
    "Addresses of a person or a notifier that are judged when they are entered": f"{reachability.MOST}",
    "Fields of a form of somebody who is not known": f"{forms.STRANGERS_FIELDS}, then 400",
    "Fields of a form on the console": f"{request.FORM_FIELDS:,}, then 400",
    "Form that is parsed in a thread of its own": f"over {forms.PARSED_AT_ONCE // 1_000} kB",
    "Body of the API": f"{limits.API_LIMIT // 1_000} kB,",
    "Body of a status page or an announcement": f"{limits.STATUS_PAGE_LIMIT // 1_000} kB",
    "Body of a provider's callback": f"{limits.CALLBACK_LIMIT // 1_000} kB",
    "Incidents that one reply to a text message acknowledges": f"{answers.MOST:,}",
    "Pages of a digest that one transaction changes after a report": f"{receipts.AT_ONCE}",
    "Questions to a provider about one message": "every 10 s, after a fault each minute, given up after a day",
    "A callback about a message that is not known yet": f"{provider.LOOKUPS} times within "
    f"{(provider.LOOKUPS - 1) * provider.RETRY_AFTER:g} s",
    "Body of a configuration": f"{limits.CONFIGURATION_LIMIT // 1_000_000} MB",
    "Transaction of the console or the API": f"{database.ANSWER:g} s,",
    "Transaction in the background": f"{database.PATIENCE:g} s,",
    "Reading and writing a configuration by `apply`": f"{configuration_file.APPLY_BOUND:g} s each",
    "Calendars that one network address may fetch": f"{calendars.TRIES} a minute",
    "Time for which a program may keep a calendar": f"{calendars.MAX_AGE // 60} min",
    "Span of a calendar": {3: "the third month ahead"}[calendar.MONTHS_AHEAD - 1],
    "Shifts of a rotation in a calendar": f"{calendar.MOST:,}",
    "Time between two reads of a calendar that a layer follows": (
        f"{calendar_watch.AGAIN.seconds // 60} min, and {calendar_watch.SOONER.seconds // 60} min after one that failed"
    ),
    "Time for which a calendar cannot be read until that is an incident": f"{calendar_report.PATIENCE // HOUR} h",
    "Calendars that are fetched at the same time": (
        f"{calendar_watch.AT_ONCE}, and {calendar_watch.BATCH} in one look each {calendar_watch.EVERY:g} s"
    ),
    "Fetching a calendar": (
        f"{calendar_fetch.BOUND.total_seconds():g} s, {calendar_fetch.LARGEST // 1_000_000} MB, "
        f"{calendar_fetch.HOPS} redirects"
    ),
    "Reading a calendar": (
        f"{calendar_reader.CPU} s of computing, {calendar_process.BOUND:g} s in all, "
        f"{calendar_reader.MEMORY // 1_000_000:,} MB of memory"
    ),
    "Events of a calendar that a layer follows": (
        f"{calendar_events.MOST_ENTRIES:,}, and {calendar_events.MOST_EVENTS:,} in the span that is read; "
        f"{calendar_events.MOST_COUNTED:,} times of one repeated event"
    ),
    "Span of a calendar that is read": (
        f"{calendar_watch.BEFORE.days} days back and {calendar_watch.AFTER.days} days ahead"
    ),
    "Events that are kept of a calendar": (
        f"{calendar_reader.LARGEST // 1_000_000} MB, with {calendar_events.MOST_ATTENDEES} attendees of each, "
        f"and {calendar_events.LONGEST_TEXT} characters"
    ),
    "Unknown names that are kept of a calendar": f"{calendar_people.MOST_STRANGERS}",
    "Test pages to a person": f"one each {trial.PAUSE.total_seconds():.0f} s",
    "Codes that prove a contact": f"{contact_code.A_CONTACT} an hour to a contact, "
    f"{contact_code.A_PERSON} to all contacts of a person, {contact_code.PAUSE.seconds} s between two",
    "A code that proves a contact": f"counts for {contact_code.LASTS.seconds // 60} min, once, and stands "
    f"{contact_code.TRIES} wrong tries",
    "Devices of a person": f"{devices.MOST}",
    "Time that a push service keeps a message for a device that is off": f"{push.LASTS // HOUR} h,",
    "Text of a push message": f"{push.SIZE:,} bytes, of which {push.LONGEST_LINE} characters",
    "Sign-in attempts per IP address": f"{tries.TRIES} a minute",
    "Failed sign-ins per user name": f"{tries.ACCOUNT_TRIES} in {tries.ACCOUNT_TRIES_PER.seconds // 60} min",
    "Failed sign-ins recorded in the audit log": f"as a sum each {refusal_log.EVERY / 60:g} min",
    "Failed sign-ins that are told apart in the audit log": (
        f"{refusal_log.KINDS}, and their first {refusal_log.ADDRESSES:,}"
    ),
    "Unused sign-in": f"{DEFAULT.sign_in_idle // HOUR} h",
    "Longest sign-in": f"{DEFAULT.sign_in_longest // HOUR} h",
    "Precision of a sign-in's last use": f"{session.TOUCHED_EVERY.seconds // 60} min",
    "One-time link": f"{users.LINK_LASTS // HOUR} h",
    "One-time links for the first user": f"newest {access_store.SET_UP_LINKS}",
    "Password": f"{account.SHORTEST_PASSWORD} to {account.LONGEST_PASSWORD} characters",
    "Time to enter a second-factor code": f"{code_ticket.LASTS.seconds // 60} min",
    "Accepted second-factor codes": f"and {second_factor.DRIFT} before",
    "Recovery codes": f"{second_factor.RECOVERY_CODES}",
    "Sign-in at an OpenID Connect provider": f"{oidc.LASTS.seconds // 60} min",
    "Answer of an OpenID Connect provider": f"{oidc.BOUND:g} s",
    "Concurrent code exchanges with an OpenID Connect provider": f"{oidc.AT_ONCE}",
    "Metadata of an OpenID Connect provider": f"{oidc.CACHED_FOR // HOUR} h",
    "API keys": f"{access_key.MOST:,}",
    "Precision of an API key's last use": f"{access_key.TOUCHED_EVERY.seconds // 60} min",
    "User name": f"{account.LONGEST_NAME} characters",
    "Concurrent password comparisons": f"{hasher.AT_ONCE}, and {hasher.IN_LINE} in line",
    "Commit of a batch of pings": f"{ingest.STORE_BOUND:g} s,",
    "Pings in one commit": f"{ingest.MAX_BATCH:,}",
    "Queued pings": f"{ingest.MAX_WAITING:,},",
    "Queued body bytes": f"{ingest.MAX_WAITING_BYTES:,},",
    "Pings kept per check": f"{pings.KEEP}",
    "Numbers of one ping": f"{measurement.MOST};",
    "Name of a number": f"{measurement.LONGEST_NAME} characters",
    "History of the numbers of a check": f"{measured.KEPT_DAYS} days, {rollup.MOST_NAMES} names a day,",
    "Time between two counts of the numbers of a check": f"{rollup.EVERY:g} s, {rollup.BATCH} checks",
    "Values of which a median is taken": f"{measured.OF_HOUR} an hour, {measured.OF_DAY} a day;",
    "Checks that pings create, in all": f"{DEFAULT.ping_checks_limit:,} (`HEARTBEAT_PING_CHECKS_LIMIT`), then 422",
    "Checks that pings create with one key": "a tenth of that in an hour, then 422",
    "Bodies of pings that are kept, in all": (
        f"{DEFAULT.keep_bodies:,} MB (`HEARTBEAT_KEEP_BODIES`); beyond {body_limit.FULL * 100:g} % of it, "
        f"the oldest are removed down to {body_limit.ROOMY * 100:g} %"
    ),
    "Time between two looks at the bytes of kept bodies": f"{body_limit.EVERY:g} s;",
    "Bodies removed in one transaction": (
        f"{body_limit.BODIES_AT_ONCE}, and {body_limit.BYTES_AT_ONCE // body_limit.MB} MB"
    ),
    "Limit of kept bodies counts as reached": f"{reached_limit.ROOM_AFTER.days} day",
    "Time between two looks whether these limits are reached": f"{limit_watch.EVERY:g} s",
    "A rule, and the name of a measurement in it": (
        f"{rule_grammar.LONGEST} and {rule_grammar.LONGEST_NAME} characters"
    ),
    "Text that a rule looks for in a body, and the end of the body that it searches": (
        f"{rule.LONGEST_PATTERN} and {rule.SEARCHED:,} characters"
    ),
    "Runs over which a rule can look": (
        f"{rule.RUNS[0]} to {rule.RUNS[1]}; {rule.CONSECUTIVE[0]} to {rule.CONSECUTIVE[1]} in a row"
    ),
    "Earlier runs without which a rule has no median": f"{rule.FEWEST}",
    "Overrides and leaves that are not over": (
        f"{overrides.MOST:,}, each of {overrides.LONGEST.days} days at most"
    ),
    "Coverage of policies": f"{coverage.AHEAD.days} days ahead, looked at every {coverage_watch.EVERY:g} s",
    "Test page by itself": (
        f"from {trial_round.FROM:%H:%M} to {trial_round.UNTIL:%H:%M} on working days, to {trial_watch.AT_ONCE} people "
        f"after each look, every {trial_watch.EVERY:g} s"
    ),
    "Time to confirm a test page": (
        f"{trial_round.PATIENCE.days} day; a new person gets the first one after as long"
    ),
    "Change of shift": (
        f"looked at every {relief_watch.EVERY:g} s; {relief.MOST} open incidents, of which the message names "
        f"{relief.NAMED}"
    ),
    "Span of a report of past pages": (
        f"{paging.LONGEST.days} days, its newest {paging_history.MOST_ANSWERS:,} answers, {paging.LISTED} checks"
    ),
    "Checks, moments, notes and pages in the draft of a post-mortem": f"{postmortem.LONGEST:,} of each",
    "Coming over from another system": (
        f"{source.MOST_REQUESTS:,} requests, {source.MOST_BYTES // 1_000_000} MB, {source.PATIENCE:g} s for a request"
    ),
    "Plots in the draft of a post-mortem": (
        f"{postmortem.PLOTTED} checks, each {text_plot.COLUMNS} columns, {text_plot.MOST_NUMBERS} numbers "
        f"and the newest {material.CHANGES} changes of state"
    ),
    "Past of which `rules try` tells": f"{rule_trial.DAYS} days",
    "Open runs followed per check": f"{life.MAX_OPEN_RUNS}",
    "Reports of progress kept of a run": f"{progress.MOST_POINTS}, spread",
    "Further numbers kept of the reports of a run": f"{headway.MOST_NUMBERS}",
    "Reach of the estimate of a run": f"{progress.REACH} times",
    "Pace and estimate of a run": f"more than {progress.KEPT} times the mean",
    "Report of progress after the end of a run that opens no new one": (
        f"within {headway.OVERTAKEN.seconds // 60} min"
    ),
    "Smaller `done` that counts as overtaken on its way": f"within {progress.LATE.seconds} s",
    "Run that is stuck by its own pace": (
        f"after {progress.LEARNT_TIMES} times its longest time between two moves, "
        f"at least {progress.LEARNT_AT_LEAST.seconds // 60} min; {progress.LEARNT_AT_FIRST.seconds // 3600} h before"
    ),
    "Progress of a component on a status page": f"shown for {catching_up.STALE.seconds // 60} min",
    "Maximum run time of `until done` without a limit": f"{definition.UNTIL_DONE_LIMIT.days} days",
    "Runs counted per check with `at_most`": f"at most {expectation.MOST_RUNS + 1}",
    "Time between two signs of life of a process that takes pings": f"{blindness.EVERY:g} s",
    "Gap in them that counts as blindness": f"{blindness.BLIND_AFTER.seconds} s; "
    f"{blindness.RESTARTED_AFTER.total_seconds():g} s at the start of a process",
    "Time to speak for a check, after heartbeat could not hear": "its grace, at least "
    f"{blindness.SHORTEST.seconds} s, {blindness.LONGEST.seconds // 60} min at most",
    "Blindness that is told though it cost nothing": f"{blindness.WORTH_TELLING.seconds // 60} min",
    "Time in `at` of a ping": "within a time of blindness or "
    f"{replay.AROUND.seconds} s beside it, until {replay.LATEST.days} days after it",
    "Blindness that lasts is told after": f"{sight_alarm.CERTAIN.seconds // 60} min, and again each hour",
    "Checks that a report of a blindness names": f"{blindness.NAMED}",
    "Times of blindness that are kept": f"{blindness_store.KEPT:,}, for {blindness_store.KEPT_FOR.days} days",
    "Times of blindness that are looked at to judge checks": f"the newest {blindness_store.KNOWN}",
    "Checks judged in one transaction": f"{ticker.FIRST_BATCH} at first, doubling to {checker.BATCH:,}",
    "Incidents paged for in one transaction": f"{ticker.FIRST_BATCH} at first, doubling to {escalator.BATCH:,}",
    "Rounds in one tick": f"{ticker.MAX_ROUNDS}",
    "Time between two ticks": f"{ticker.LONGEST_SLEEP:g} s",
    "Check that cannot be judged": f"{checker.PARKED.seconds // 60} min",
    "Checks per view of the list": f"{check_list.A_PAGE}",
    "Checks paused or resumed at once": f"{bulk.MOST}",
    "Incidents answered at once": f"{actions.ANSWERED_AT_ONCE}",
    "Search on the console": f"{search.LONGEST} characters, of which {search.MOST} words",
    "Browsers listening for changes, per process": f"{live.MOST}, then 503",
    "Database query for these browsers": f"one each {live.EVERY:g} s",
    "Time until a listening browser reconnects": f"{stream.LASTS / 60:g} min, with a sign of life each "
    f"{stream.BEAT:g} s",
    "Labels offered as a filter": f"the {check_query.LABELS} most common, among {check_query.SAMPLE:,} checks if there "
    "are more",
    "Counts, labels and the other groups on the console": f"shared by all readers for "
    f"{shared.SHARED_FOR.seconds} s with {shared.MANY:,} checks or more;",
    "Checks of which a page counts all other groups": f"{surroundings.MOST_COUNTED:,};",
    "Page of the canary": f"one each {settings.Settings().canary_every.seconds // 60} min (`HEARTBEAT_CANARY_EVERY`), "
    f"which must arrive within {canary.CERTAIN.seconds // 60} min",
    "Gathering before the first page": f"{incident.GATHERING.seconds} s",
    "Settling before an incident is over": f"{incident.SETTLING.seconds // 60} min",
    "Acknowledgement": f"{answer.ACKNOWLEDGED_FOR // HOUR} h",
    "Acknowledgement or snooze until a chosen time": f"{answer.LONGEST_QUIET.days} days",
    "Silence": f"{maintenance.LONGEST_SILENCE.days} days",
    "Occurrence of a maintenance window that recurs": f"{recurrence.LONGEST.days} days",
    "Maintenance window": f"{maintenance.LONGEST.days} days",
    "Wait of a check for the checks that it runs after": f"{dependency.LONGEST // HOUR} h",
    "Chance of a check to run once these are well": f"{dependency.CHANCE // HOUR} h, and its grace",
    "Checks with certain labels that are down, of which any may be the parent of a check": f"{parents.OF_A_MATCH},",
    "Maintenance windows that are active or upcoming": f"{arranging.MAX_STANDING:,}",
    "Entries in one API answer": f"{fields.MAX_LIMIT};",
    "Link in a page": f"{signed_link.LASTS.days} days",
    "One send by a built-in notifier": f"{transport_http.BOUND.seconds} s",
    "Message to Discord, Signal and Mattermost": (
        f"{discord.CONTENT_LIMIT:,}, {signal.MESSAGE_LIMIT:,} and {mattermost.MESSAGE_LIMIT:,} characters"
    ),
    "Message to Matrix and Microsoft Teams": f"{matrix.CONTENT_LIMIT:,} and {teams.MESSAGE_LIMIT:,} bytes",
    "Title and description in Opsgenie": (
        f"{opsgenie.MESSAGE_LIMIT} and {opsgenie.DESCRIPTION_LIMIT:,} characters"
    ),
    "Alert in Alertmanager that is not told again": (
        f"ends after {alertmanager.FIRES_FOR.seconds // 60} min; told each {retelling.EVERY.seconds // 60} min, "
        f"its end for {retelling.ENDED_FOR.seconds // 60} min"
    ),
    "Concurrent sends by Apprise": f"{apprise.THREADS};",
    "Receipt of Apprise": f"after {apprise.Apprise.receipt_within.seconds // 60} min",
    "One send by any notifier": f"{sending.SEND_BOUND:g} s",
    "Lease of a page": f"{delivery.LEASE.seconds} s",
    "Concurrent sends per notifier": f"{courier.HANDS}",
    "Concurrent sends per person": f"{courier.HANDS_A_PERSON}",
    "Quiet hours of a person": f"{quiet_hours.LONGEST // HOUR} h",
    "A step of which everybody has quiet hours is looked at": f"every {next_page.LOOK_AGAIN.seconds // 60} min",
    "First retry": f"{delivery.FIRST_RETRY.seconds} s",
    "Longest pause between retries": f"{delivery.LONGEST_RETRY.seconds // 60} min",
    "Longest `Retry-After` for the same notice": f"{_longest_retry_after() // HOUR} h",
    "Longest `Retry-After` for other notices to that contact": f"{transport_http.LONGEST_PAUSE // HOUR} h",
    "Attempts per contact before the next": f"{delivery.TRIES_A_CONTACT}",
    "Notice of an acknowledgement or a recovery": f"{delivery.TELL_FOR // HOUR} h",
    "Bytes read of a provider's answer": f"{transport_http.READ_LIMIT:,}",
    "Unreachable pages in a row before a contact is probed": f"{breaker.FAILURES}",
    "Unreachable sends in a row before pages go past a notifier with one server": f"{breaker.FAILURES}, to "
    f"{breaker.CONTACTS} contacts at least",
    "Pause between two probes": f"{breaker.FIRST_WAIT.seconds} s, then twice as long each time, up to "
    f"{breaker.LONGEST_WAIT.seconds} s",
    "Idle connections to providers": f"{connections.MOST_KEPT}, for {egress.KEPT:g} s",
    "Look-up of a name": f"{names.LONGEST:g} s",
    "Look-up of a name with an earlier answer": f"{names.PATIENCE:g} s",
    "Last good answer of a name": f"{names.KEPT / 86_400:g} days",
    "Look-ups at once": f"{names.AT_ONCE}",
    "Names whose last answers are kept": f"{names.REMEMBERED:,}",
    "Logo": f"{definition_status_page.LOGO_LIMIT:,} bytes",
    "Time between two looks for changes": f"{publisher.EVERY:g} s",
    "Age of a published status page": f"{publisher.OLDEST.seconds} s",
    "Age at which a status page warns": f"{edition.STALE.seconds // 60} min",
    "Browser cache of a status page": f"{status_page_views.MAX_AGE} s",
    "One run of the status hook": f"{hook.BOUND:g} s",
    "Age of today's uptime": f"{automation.COUNTED_EVERY.seconds // 60} min",
    "Days counted at once after an outage": f"{uptime_count.AT_ONCE:,} a component, counted for each of its checks",
    "Days kept": f"{uptime_count.KEPT_FOR.days}",
    "Subscription requests": f"{subscribe.TRIES} times an hour",
    "Confirmation mails to one address": f"{subscriber_store.ASK_INTERVAL.seconds // 60} min",
    "Confirmation link": f"{subscriber_link.CONFIRM_WITHIN // HOUR} h",
    "Unconfirmed addresses per status page": f"{subscriber_store.MAX_PENDING:,}",
    "Mails to subscribers at once": f"{subscriber_sender.BATCH}, then",
    "Attempts of a mail to a subscriber": f"{subscriber_sender.TRIES}, from "
    f"{subscriber_sender.FIRST_RETRY.seconds // 60} min to 1 h",
    "Lease of a mail to a subscriber": f"{subscriber_sender.LEASE.seconds // 60} min",
    "Attempts to reach an absent database at the start, with published status pages": f"{standby.EVERY:g} s",
    "Title of an announcement": f"{announcement.MAX_TITLE} characters",
    "Text of one update": f"{announcement.MAX_BODY:,} characters",
    "Announcements on a status page": f"{announcement.MOST_SHOWN}, of the last {snapshot.PAST.days} days",
    "Time between two rounds of automatic updates": f"{automation.EVERY:g} s",
    "Time until an incident is announced automatically": f"{automation.SETTLED.seconds // 60} min",
    "Time from recovery until an announcement is resolved automatically": f"{automation.WATCHED.seconds // 60} min",
    "Connecting to PostgreSQL": f"{CONNECTING:g} s",
    "PostgreSQL not acknowledging sent data": f"{UNHEARD:g} s",
    "Wait for another reader or writer of a SQLite file": f"{LOCKED:g} s",
    "Attempts of a transaction after deadlocks": f"{database.RETRIES}",
    "Time between two rounds": f"{retention.EVERY / 3600:g} h",
    "First round after the start": f"{retention.FIRST_AFTER / 60:g} min",
    "State changes of a check, and lines of an incident about jobs that went down and came back": (
        f"{retention.FLAPS:,};"
    ),
    "Rows deleted in one transaction": f"{retention.BATCH}",
    "Time between two full ticks when nothing is due": f"{ticker.PROVE_EVERY:g} s",
    "Clean tick for `/readyz`": f"{ticker.READY_WITHIN:g} s",
    "Database for `/readyz`": f"{health.PROBE_BOUND:g} s",
    "Database for `/metrics`": f"{health.SCRAPE_BOUND:g} s",
    "Checks with series of their own": f"{check_series.MAX_CHECKS:,},",
    "Labels of checks in their series": f"{settings.MAX_SERIES_LABELS}",
    "Warnings and errors of one kind in the log": f"{logs.FLOOD} a minute;",
    "Log lines of one kind in one transaction": f"{timeline.LINES},",
    "Checks named in one log line": f"{checker.NAMED}",
    "Remaining spans at a stop": f"{serve.CLOSE_BOUND:g} s",
    "Pages of one kind to one contact, one by one": f"{digest.HANDFUL} a minute",
    "Time between two digests": f"{digest.GAP.seconds} s",
    "Incidents that open within 10 s and still gather": f"{digest.CROWD}",
    "Proof that the storage can be written": f"every {storage_alarm.EVERY:g} s",
    "Storage that fails is told after": f"{storage_alarm.CERTAIN.seconds} s, then every hour",
    "Time that a SQLite table is read for damage": (
        f"{storage_alarm.WALK_BOUND:g} s, one table every {storage_alarm.WALK_EVERY.seconds // 60} min"
    ),
    "Incidents that a digest names": f"{digest.NAMED} of each severity and cause, and {digest.NAMES_LIMIT:,}",
    "Pages of a digest in one transaction": f"{digest_store.CHUNK:,}",
    "Incidents that one transaction acknowledges": f"{desk.DIGEST_AT_ONCE:,}",
    "Time that a digest may be under way": f"{digest_store.LEASE.seconds} s",
    "Ping of the outside heartbeat": f"{outside_heartbeat.BOUND:g} s",
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_documented_limit_is_that_of_the_code(limit: str) -> None:
    row = row_of(section("docs/limits.md", "## Limits and time-outs"), limit)
    assert re.search(rf"(?<![\d,.]){re.escape(LIMITS[limit])}(?![\d.])", row), row


def test_no_limit_is_documented_that_nothing_is_compared_with() -> None:
    table = rows(section("docs/limits.md", "## Limits and time-outs"))[1:]
    assert {row[0] for row in table if not row[0].startswith("**")} == set(LIMITS)


@pytest.mark.parametrize(
    ("dependency", "bound"),
    [
        (
            "uvicorn, httptools",
            f"{connection.HEAD_BOUND:g} s; {connection.REQUEST_BOUND:g} s; {connection.STALL_BOUND:g} s; "
            f"{connection.IDLE_BOUND:g} s",
        ),
        ("uvicorn", f"{server.STOP_BOUND} s"),
        ("SQLAlchemy", f"as many threads as connections, {database.WRITERS + database.READERS + 1}"),
        ("sqlite3", f"{LOCKED:g} s"),
        (
            "PostgreSQL, sqlite3",
            f"{database.ANSWER:g} s for the console, the API or a batch of pings; {database.PATIENCE:g} s",
        ),
        (
            "httpx, for a notifier",
            f"{transport_http.BOUND.seconds * 0.3:g} s; 15 s",
        ),
        ("The resolver", f"{names.LONGEST:g} s; {names.PATIENCE:g} s"),
        ("The addresses of a name", f"{egress.STAGGER:g} s"),
        ("aiosmtplib", f"{transport_http.BOUND.seconds} s"),
        ("Apprise", f"{transport_http.BOUND.seconds} s"),
        ("A plugin", f"{sending.SEND_BOUND:g} s"),
        ("The outside heartbeat", f"{outside_heartbeat.BOUND:g} s"),
        ("An OpenID Connect provider", f"{oidc.BOUND:g} s; {oidc.AT_ONCE} codes"),
        ("`heartbeat apply`, `rotate-keys`", f"{serving_process.PATIENCE:g} s"),
        ("`heartbeat doctor`", f"{doctor_facts.ASK_BOUND:g} s"),
    ],
)
def test_the_bounds_of_dependencies_are_those_of_the_code(dependency: str, bound: str) -> None:
    assert bound in row_of(section("docs/limits.md", "## Dependencies"), dependency)


def test_every_dependency_that_waits_for_the_network_has_its_bounds() -> None:
    text = section("docs/limits.md", "## Dependencies").lower()
    requirements = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[\[>=]", requirement)[0] for requirement in requirements}
    for name in names & {"aiosmtplib", "alembic", "argon2-cffi", "httpx", "psycopg", "sqlalchemy", "uvicorn"}:
        assert name.removesuffix("-cffi") in text


def test_the_other_numbers_of_operating_are_those_of_the_code() -> None:
    for page, phrase in (
        (
            "health",
            f"no clean tick ended in the last {ticker.READY_WITHIN:g} s, or the database did not answer within "
            f"{health.PROBE_BOUND:g} s",
        ),
        ("settings", f"{database.WRITERS} to write, {database.READERS} to read, 2 for pings alone"),
        ("settings", f"up to {database.WRITERS + database.READERS + 2} connections"),
        ("settings", "each second" if clock_guard.READ_EVERY == 1.0 else "seldom"),
        ("limits", f"One page in {leases.NEWEST_SHARE} is taken from the newest"),
        ("metrics", f"more than {check_series.MAX_CHECKS:,} checks"),
        (
            "operating",
            f"Requests under way have {server.STOP_BOUND} s to end, sends under way {app.SETTLE_BOUND:g} s",
        ),
        ("limits", f"Retry-After: {dialect.RETRY_AFTER.decode()}"),
    ):
        assert phrase in read(f"docs/{page}.md")
    assert f"at most {fields.MAX_NOTE:,} characters" in read("docs/api.md")
    assert f"1 to {fields.MAX_LIMIT}" in read("docs/api.md")

"""One send through a notifier, bounded in time, whatever the notifier does."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from alerting.notice import Notice
from alerting.notifiers.contract import Notifier, Outcome, Refused, Unreachable
from alerting.person import Contact

SEND_BOUND = 20.0
"""Seconds after which a send is given up even if its notifier breaks its own promise; less than a lease."""

log = logging.getLogger(__name__)


async def hand_over(
    notifiers: Mapping[str, Notifier], message: Notice, contact: Contact, fill_in: Callable[[str], str]
) -> Outcome:
    """Send a notice through the notifier of its contact's kind, bounded in time. Raises no fault of a notifier."""
    return await deliver(notifiers, contact, fill_in, lambda notifier, filled: notifier.send(message, filled))


async def deliver(
    notifiers: Mapping[str, Notifier],
    contact: Contact,
    fill_in: Callable[[str], str],
    send: Callable[[Notifier, Contact], Awaitable[Outcome]],
) -> Outcome:
    """Let the notifier of a contact's kind send something there, as `hand_over` does."""
    notifier = notifiers.get(contact.kind)
    if notifier is None:
        return Refused(f"the notifier {contact.kind} is not set up here")
    try:
        filled = replace(contact, address=fill_in(contact.address))
    except ValueError as error:
        return Refused(str(error))
    try:
        async with asyncio.timeout(SEND_BOUND):
            return await send(notifier, filled)
    except TimeoutError:
        reason = f"{contact.kind} did not answer within {SEND_BOUND:.0f} s"
        return Unreachable(reason, may_have_arrived=True)
    except Exception as error:
        # A notifier promises not to raise; a plugin that breaks its promise must not cost a page.
        log.exception("the notifier %s failed", contact.kind, extra={"notifier": contact.kind})
        reason = f"the notifier {contact.kind} failed: {type(error).__name__}"
        return Unreachable(reason, may_have_arrived=True)

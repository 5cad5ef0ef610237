"""Test pages of the command line: sent by the process that serves the database, or from here if none does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from heartbeat import notifier_clients, trial
from heartbeat.data_directory import with_kept_secret_key
from heartbeat.database import AlreadyServed, Database
from heartbeat.operations import backup, serving_process
from heartbeat.operations.serving_process import Failed
from heartbeat.settings import Settings
from heartbeat.trial import Sender, TooSoon


@dataclass(frozen=True, slots=True)
class ContactResult:
    """The result of a test page at one contact: accepted, refused or unreachable, and the provider's words."""

    kind: str
    outcome: str
    said: str


async def send(settings: Settings, name: str) -> Sequence[ContactResult]:
    """Send a test page to every contact of a person. Raises `Failed` if nothing was sent."""
    try:
        database = Database(settings.database_url)
    except AlreadyServed as serving:
        return await _sent_by(serving.address, settings, name)
    try:
        return await _sent_from_here(database, with_kept_secret_key(settings), name)
    finally:
        database.close()


async def _sent_from_here(database: Database, settings: Settings, name: str) -> Sequence[ContactResult]:
    async with (
        notifier_clients.client_for_own(settings) as http,
        notifier_clients.client_for_entered(settings) as entered,
    ):
        identity = notifier_clients.push_identity(settings, database)
        assemble = notifier_clients.assembler(settings, http, entered, {}, identity=identity)
        sender = Sender(settings.public_url, settings.secret_key, notifier_clients.sender(settings, assemble))
        page = await trial.send(database, sender, name, backup.OPERATOR, datetime.now(UTC))
    if page is None:
        raise Failed(f"There is no person {name!r}.")
    if isinstance(page, TooSoon):
        raise Failed(f"A test page was sent to {name} just now. Nothing was sent: wait 10 seconds.")
    return [
        ContactResult(contact.kind, trial.word(outcome), trial.said(outcome))
        for contact, outcome in page.outcomes
    ]


async def _sent_by(address: str, settings: Settings, name: str) -> Sequence[ContactResult]:
    response = await serving_process.ask(address, settings, "POST", f"/v1/people/{name}/test-page")
    if not response.is_success:
        raise serving_process.refused(address, response)
    return [ContactResult(**contact) for contact in response.json()["contacts"]]

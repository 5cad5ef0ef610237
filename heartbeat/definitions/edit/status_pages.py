"""Status pages that are defined outside of the file."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from heartbeat import audit
from heartbeat.actor import Actor
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import export as configuration_export
from heartbeat.definitions import single as single_definition
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit.ownership import refuse_if_declared
from heartbeat.definitions.single import Faulty
from heartbeat.definitions.status_page import StatusPage


def read(slug: str, given: Mapping[str, object]) -> StatusPage:
    """What these fields define, which are those that the file has under `status_pages`. Raises `Faulty`."""
    return single_definition.read_status_page(slug, given)


def define(db: Connection, actor: Actor, wanted: StatusPage, now: datetime) -> StatusPage | None:
    """Make the page so, or add it. The same once more changes nothing. Raises `OwnedByFile`.

    Gives back the page as it was, None where it is new.
    """
    definition_store.wait_for_turn(db)
    every = definition_store.status_pages_of(db)
    before = every.get(wanted.slug)
    target = f"status page {wanted.slug}"
    refuse_if_declared(before, target, "change")
    if before is None and len(every) >= definition_entry.MAX_PAGES:
        raise Faulty([f"{target}: there are {definition_entry.MAX_PAGES:,}, and can be no more."])
    if before != wanted:
        definition_store.put_status_pages(db, [wanted])
        deed, was = ("make", None) if before is None else ("change", written(before))
        audit.record(db, actor, f"status_page.{deed}", target, now, before=was, after=written(wanted))
    return before


def delete(db: Connection, actor: Actor, slug: str, now: datetime) -> StatusPage | None:
    """Take a page away; None where there is none. Raises `OwnedByFile`."""
    definition_store.wait_for_turn(db)
    before = definition_store.status_pages_of(db).get(slug)
    if before is not None:
        target = f"status page {slug}"
        refuse_if_declared(before, target, "delete")
        definition_store.remove_status_pages(db, [slug])
        audit.record(db, actor, "status_page.delete", target, now, before=written(before))
    return before


def written(one: StatusPage) -> dict[str, Any]:
    """The page as `read` takes it."""
    return configuration_export.status_page(one)

"""The routes of a kind of definition: what lists, shows, defines and deletes one, with its tags and preconditions.

Each room of a kind declares its routes, models and texts, and calls these bodies.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection
from starlette.responses import Response

from heartbeat.actor import Actor
from heartbeat.definitions import kind as kinds
from heartbeat.definitions.kind import D, Edit, Kind
from heartbeat.http.context import Context
from heartbeat.http.problem import NoSuch
from heartbeat.http.v1 import listing
from heartbeat.http.v1.tags import ConditionalRead, Precondition, set_put_headers, tag

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Resource(Generic[D, A]):
    """A kind of definition under `/v1/PATH`.

    `beside` is what the answers hold besides the definition, such as the name of the default policy.
    """

    kind: Kind[D]
    path: str
    answer: Callable[[str, D, Any], A]
    """The answer for a definition of this name, and what is beside it."""
    beside: Callable[[Connection, Context], Any] = lambda _db, _context: None
    missing: str = "There is no {kind} {name!r}."

    def no_such(self, name: str) -> NoSuch:
        """The error that says that there is no definition of this name."""
        return NoSuch(self.missing.format(kind=self.kind.name, name=name[:100]))


async def listed(
    resource: Resource[D, A],
    context: Context,
    conditional: ConditionalRead,
    after: str = "",
    limit: int | None = None,
) -> tuple[list[A], str | None]:
    """Return the answers for the `limit` definitions after a name, and the name to go on from, if there are more."""

    def work(db: Connection) -> tuple[list[A], str | None]:
        every = resource.kind.load(db)
        items, following = listing.slice_after(
            {name: (name, definition) for name, definition in every.items()}, after, limit or len(every)
        )
        beside = resource.beside(db, context)
        conditional.set_tag(tag(([definition for _, definition in items], following), beside))
        return [resource.answer(name, definition, beside) for name, definition in items], following

    return await context.database.read(work)


async def show(resource: Resource[D, A], name: str, context: Context, conditional: ConditionalRead) -> A:
    """Return the answer for one definition. Raises `NoSuch`."""

    def work(db: Connection) -> A:
        definition = resource.kind.load(db).get(name)
        if definition is None:
            raise resource.no_such(name)
        beside = resource.beside(db, context)
        conditional.set_tag(tag(definition, beside))
        return resource.answer(name, definition, beside)

    return await context.database.read(work)


async def define(
    resource: Resource[D, A],
    name: str,
    fields: Mapping[str, object],
    context: Context,
    actor: Actor,
    precondition: Precondition,
    response: Response,
) -> A:
    """Define the whole definition, and answer with its tag; with 201 and its address if it is new."""
    now = context.clock.now()

    def require(previous: D | None) -> None:
        precondition.require(None if previous is None else tag(previous))

    def work(db: Connection) -> tuple[A, str, bool]:
        edit = Edit(db, actor, now, context.vault)
        defined = kinds.define(edit, resource.kind, name, fields, require)
        beside = resource.beside(db, context)
        answer = resource.answer(name, defined.current, beside)
        return answer, tag(defined.current, beside), defined.is_new

    answer, current, is_new = await context.database.write(work)
    url = f"{context.public_url}/v1/{resource.path}/{name}".rstrip("/")
    set_put_headers(response, current, url if is_new else None)
    return answer


async def delete(resource: Resource[D, A], name: str, context: Context, actor: Actor) -> None:
    """Delete one definition. Raises `NoSuch`."""
    now = context.clock.now()

    def work(db: Connection) -> D | None:
        return kinds.delete(Edit(db, actor, now, context.vault), resource.kind, name)

    if await context.database.write(work) is None:
        raise resource.no_such(name)

"""The catch-all as a form has it: those who are in it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from starlette.datastructures import FormData

from alerting.crew import CatchAll
from heartbeat.definitions.edit.catch_all import ONLY
from heartbeat.http.console.on_call import names


@dataclass(frozen=True, slots=True)
class CatchAllFields:
    """The fields of the form. There is only one catch-all, so its `slug` is always empty."""

    page: tuple[str, ...] = ()
    slug: str = ONLY

    @classmethod
    def typed(cls, form: FormData, _slug: str | None = None) -> Self:
        """Return the typed fields."""
        return cls(names.typed(form, "page"))

    @classmethod
    def of(cls, catch_all: CatchAll) -> Self:
        """Return the form of the present catch-all."""
        return cls(catch_all.names)

    def pressed(self, _do: str) -> Self:
        """Return the form as it is: it has no rows."""
        return self

    def entered(self, previous: CatchAll | None) -> dict[str, object]:
        """Return the fields as the API takes them."""
        return {"page": names.in_order(self.page, [previous.names] if previous else [])}

    def located(self, problems: Iterable[str]) -> list[tuple[str, str]]:
        """Return each problem with its field, in the form's own words."""
        return [_located(problem) for problem in problems]


def _located(problem: str) -> tuple[str, str]:
    path, _, rest = problem.partition(": ")
    return ("page", f"Whom it pages: {rest}") if path.partition("[")[0] == "page" else ("", problem)

"""A team as a form has it: its name, and those who are in it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from starlette.datastructures import FormData

from alerting.crew import Team
from heartbeat.http.console.on_call import names


@dataclass(frozen=True, slots=True)
class TeamFields:
    """The fields of the form."""

    slug: str = ""
    people: tuple[str, ...] = ()

    @classmethod
    def typed(cls, form: FormData, slug: str | None = None) -> Self:
        """Return the typed fields. An existing team keeps its `slug`."""
        return cls(str(form.get("slug", "")).strip() if slug is None else slug, names.typed(form, "people"))

    @classmethod
    def of(cls, team: Team) -> Self:
        """Return the form of an existing team."""
        return cls(team.name, team.people)

    def pressed(self, _do: str) -> Self:
        """Return the form as it is: it has no rows."""
        return self

    def entered(self, previous: Team | None) -> dict[str, object]:
        """Return the fields as the API takes them."""
        return {"people": names.in_order(self.people, [previous.people] if previous else [])}

    def located(self, problems: Iterable[str]) -> list[tuple[str, str]]:
        """Return each problem with its field, in the form's own words."""
        return [_located(problem) for problem in problems]


def _located(problem: str) -> tuple[str, str]:
    path, _, rest = problem.partition(": ")
    if path.partition("[")[0] == "people":
        return "people", f"People: {rest}"
    return names.of_slug(problem)

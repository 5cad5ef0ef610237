"""What somebody looks for in the list of checks, as the address of the page says it. Pure."""

from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams

from heartbeat.checks.check import State
from heartbeat.http.console.request import page_number

STATES = (State.DOWN, State.LATE, State.UP, State.NEW, State.PAUSED)
"""The states of checks, most urgent first."""
LONGEST = 200
"""Characters of what is looked for that count."""
MOST = 8
"""Words, and labels, that count."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: each of `words` somewhere in a check, a state, and labels with their values.

    `page` counts from 1.
    """

    text: str = ""
    state: State | None = None
    labels: tuple[tuple[str, str], ...] = ()
    page: int = 1

    @classmethod
    def of(cls, asked: QueryParams) -> Self:
        """What an address asks for. What cannot be meant is left out: a wrong address shows more, never less."""
        state = asked.get("state", "")
        pairs = [pair.replace("\0", "").partition("=") for pair in asked.getlist("label")]
        labels = dict.fromkeys((name, value) for name, is_pair, value in pairs if is_pair and name)
        return cls(
            text=" ".join(asked.get("q", "").replace("\0", "")[:LONGEST].split()),
            state=State(state) if state in list(State) else None,
            labels=tuple(labels)[:MOST],
            page=page_number(asked.get("page", "1")),
        )

    @property
    def words(self) -> list[str]:
        """The words that a check must have, each of them."""
        return self.text.split()[:MOST]

    @property
    def address(self) -> str:
        """The page that shows it."""
        asked = [("q", self.text)] if self.text else []
        asked += [("state", self.state.value)] if self.state else []
        asked += [("label", f"{name}={value}") for name, value in self.labels]
        asked += [("page", str(self.page))] if self.page > 1 else []
        return f"/checks?{urlencode(asked, quote_via=quote)}" if asked else "/checks"

    def on(self, page: int) -> Self:
        """The same on another page."""
        return replace(self, page=page)

    def only(self, state: State | None) -> Self:
        """The same in another state, or in any."""
        return replace(self, state=state, page=1)

    def without(self, label: tuple[str, str]) -> Self:
        """The same whatever this label is."""
        return replace(self, labels=tuple(one for one in self.labels if one != label), page=1)

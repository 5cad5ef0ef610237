"""A search in the list of checks, as its address holds it. Pure."""

from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams

from heartbeat.checks.check import State
from heartbeat.http.console.request import page_number

STATES = (State.DOWN, State.UNKNOWN, State.LATE, State.UP, State.NEW, State.PAUSED)
"""The states of checks, most urgent first."""
LONGEST = 200
"""Characters of the text that count."""
MOST = 8
"""Words that count, and labels."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search: words that a check must contain, its state, and its labels with their values.

    `page` counts from 1.
    """

    text: str = ""
    state: State | None = None
    labels: tuple[tuple[str, str], ...] = ()
    page: int = 1

    @classmethod
    def of(cls, params: QueryParams) -> Self:
        """Return the search of an address. Invalid parts are left out: a wrong address shows more, never less."""
        state = params.get("state", "")
        pairs = [pair.replace("\0", "").partition("=") for pair in params.getlist("label")]
        labels = dict.fromkeys((name, value) for name, is_pair, value in pairs if is_pair and name)
        return cls(
            text=" ".join(params.get("q", "").replace("\0", "")[:LONGEST].split()),
            state=State(state) if state in list(State) else None,
            labels=tuple(labels)[:MOST],
            page=page_number(params.get("page", "1")),
        )

    @property
    def words(self) -> list[str]:
        """The words that a check must contain, all of them."""
        return self.text.split()[:MOST]

    @property
    def address(self) -> str:
        """The address of the screen that shows the matches."""
        params = [("q", self.text)] if self.text else []
        params += [("state", self.state.value)] if self.state else []
        params += [("label", f"{name}={value}") for name, value in self.labels]
        params += [("page", str(self.page))] if self.page > 1 else []
        return f"/checks?{urlencode(params, quote_via=quote)}" if params else "/checks"

    def on(self, page: int) -> Self:
        """Return the same search on another page."""
        return replace(self, page=page)

    def only(self, state: State | None) -> Self:
        """Return the same search for another state, or for any."""
        return replace(self, state=state, page=1)

    def without(self, label: tuple[str, str]) -> Self:
        """Return the same search without this label."""
        return replace(self, labels=tuple(other for other in self.labels if other != label), page=1)

"""The news of an incident: what its people have not been told yet. Pure.

What was told is kept with each symptom, and never guessed from times: two processes may work on an incident at once,
each with a time of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting import incident as life
from alerting.incident import Pace, RaisedSymptom

TOGETHER = timedelta(seconds=15)
"""The longest time between recoveries that are told together: they are hardly less certain than the first."""


@dataclass(frozen=True, slots=True)
class News:
    """The numbers of symptoms that joined, that have another cause now, and that are well again."""

    joined: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    back: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.joined or self.changed or self.back)

    @property
    def words(self) -> str:
        """The news in short: "+2, 1 back"."""
        counts = [("+{}", self.joined), ("{} changed", self.changed), ("{} back", self.back)]
        return ", ".join(text.format(len(numbers)) for text, numbers in counts if numbers)


NO_NEWS = News()


def to_json(news: News) -> dict[str, list[int]] | None:
    """Return news as JSON for a row, None without any."""
    kinds = {"joined": news.joined, "changed": news.changed, "back": news.back}
    return {kind: list(numbers) for kind, numbers in kinds.items() if numbers} or None


def from_json(stored: Mapping[str, Sequence[int]]) -> News:
    """Return the news of a row."""
    return News(**{kind: tuple(numbers) for kind, numbers in stored.items()})


def of(symptoms: Sequence[RaisedSymptom], now: datetime, pace: Pace) -> News:
    """Return the news among an incident's symptoms. Held symptoms are none, nor are those that may yet return.

    What has come back within `TOGETHER` of a recovery that has settled is told with it.
    """
    joined, changed = [], []
    settles = {one.id: _back_at(one, pace) for one in symptoms if one.told and not one.standing}
    settled = any(at <= now for at in settles.values())
    back = [
        number for number, at in settles.items() if settled and at <= now + min(TOGETHER, pace.settling / 2)
    ]
    for symptom in symptoms:
        if symptom.standing and not symptom.held(now):
            if not symptom.told:
                joined.append(symptom.id)
            elif symptom.cause not in symptom.told:
                changed.append(symptom.id)
    return News(tuple(joined), tuple(changed), tuple(back))


def next_at(symptoms: Iterable[RaisedSymptom], now: datetime, pace: Pace) -> datetime | None:
    """Return the time of the next news if nothing happens: a hold ends, or a recovery settles."""
    ends = [_back_at(symptom, pace) for symptom in symptoms if symptom.told and not symptom.standing]
    holds = [symptom.held_until for symptom in symptoms if symptom.standing and not symptom.told]
    later = [at for at in [*ends, *holds] if at is not None and at > now]
    return min(later, default=None)


def told(news: News, symptoms: Iterable[RaisedSymptom]) -> dict[int, tuple[str, ...]]:
    """Return what people have been told of each symptom once they have this news, by its number."""
    down = {*news.joined, *news.changed}
    by_number = {symptom.id: symptom for symptom in symptoms}
    after = {number: (*by_number[number].told, by_number[number].cause) for number in down}
    return after | dict.fromkeys(news.back, ())


def followed(earlier: News, later: News) -> News:
    """Return both as one, for somebody who was told of neither. What came and went in between is no news."""
    fleeting = {*earlier.joined} & {*later.back}
    known = {*earlier.back} & {*later.joined}
    joined = _both(earlier.joined, later.joined, fleeting | known)
    return News(
        joined=joined,
        changed=_both(earlier.changed, later.changed, {*joined, *later.back}),
        back=_both(earlier.back, later.back, fleeting | known),
    )


def _both(earlier: Iterable[int], later: Iterable[int], without: set[int]) -> tuple[int, ...]:
    return tuple(number for number in dict.fromkeys([*earlier, *later]) if number not in without)


def _back_at(symptom: RaisedSymptom, pace: Pace) -> datetime:
    """Return the time from which a cleared symptom counts as well again."""
    assert symptom.cleared_at is not None, "it has not cleared"
    return life.settles_at(symptom.falls, symptom.cleared_at, pace)

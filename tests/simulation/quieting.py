"""Promises 6 and 11, looked back on: what may be quiet, and for how long, and what may end."""

from collections.abc import Iterator

from tests.simulation.hindsight import LATENCY, Hindsight

LATE_SHOW = 25.0
"""Seconds for which a page that was under way may still light up a phone after somebody has answered."""


def quiet(past: Hindsight) -> Iterator[str]:
    """An answer quiets its occurrence until it ends; no other, and no longer."""
    for answer in past.journal.answers:
        if answer.kind == "void":
            continue
        rows = [p for p in past.pages if p.incident == answer.incident and p.kind == "page"]
        for page in rows:
            since = past.world.clock.when(page.created, 0.0)
            answered = page.occurrence <= answer.found and since > answer.at + 1.0 + past.slack
            if answered and not past.journal.wants(answer.incident, answer.at, since + LATENCY):
                yield f"page {page.id} pages for occurrence {page.occurrence}, which was answered"
        ended = [past.world.clock.when(p.created, 0.0) for p in rows if p.occurrence > answer.found]
        until = min([past.ends(answer), *ended])
        for show in past.shows:
            mine = show.incident == answer.incident and show.kind == "page"
            if mine and answer.at + LATE_SHOW < show.at < until and not past.mute(show):
                yield f"{show.contact} rang at {show.at:.1f} for incident {answer.incident}, which was answered"


def maintained(past: Hindsight) -> Iterator[str]:
    """Nobody is paged for the first time about what turned down under maintenance, while that lasts."""
    for page in past.pages:
        one, at = past.incidents[page.incident], past.world.clock.when(page.created, 0.0)
        if page.kind != "page" or page.occurrence > 1 or page.step > 0 or past.slack:
            continue
        members = [
            (name, spell.begins)
            for name in past.referee.lives
            for spell in past.spells(name)
            if spell.begins <= at <= spell.ends and one in past.homes(name, spell)
        ]
        held = [any(a < b and at < e - LATENCY for a, e in past.windows(name)) for name, b in members]
        if members and all(held):
            yield f"incident {one.id} paged at {at:.1f}, and all of it is under maintenance"


def untrue(past: Hindsight) -> Iterator[str]:
    """No incident ends while something in it is down, or by itself before it has been well for long enough."""
    for one in past.incidents.values():
        if one.resolved is None or one.recovered is None or past.slack:
            continue
        at = past.world.clock.when(one.resolved, 0.0)
        by_hand = one.id in past.journal.resolved
        if not by_hand and one.resolved - one.recovered < past.world.settling - 0.001:
            yield f"incident {one.id} ended after {one.resolved - one.recovered:.1f} s without trouble"
        for name in past.referee.lives:
            for spell in past.spells(name):
                waited = *past.referee.waited[name], *past.referee.waited_no_longer[name]
                if any(begins <= at <= ends for begins, ends in waited):
                    continue
                if past.journal.went_on_in(one.id, name) != {one.id}:
                    continue
                inside = spell.begins < at - LATENCY and at + LATENCY < spell.ends
                if inside and one in past.homes(name, spell):
                    yield f"incident {one.id} ended while {name} was down"

"""The groups that incidents are about: one, unless people have merged incidents, or split jobs off."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from alerting import desk, times
from alerting.incident import Incident
from heartbeat.checks import cause, groups, level, symptoms

_NAMED = 3
"""Groups of an incident that its title names."""


@dataclass(frozen=True, slots=True)
class About:
    """The keys of an incident's groups, and what it is called if they are not the one that it opened for."""

    keys: tuple[str, ...]
    title: str = ""

    @property
    def key(self) -> str:
        """The first of the keys."""
        return self.keys[0]

    def covers(self, key: str) -> bool:
        """Return whether a group or level lies in one of these."""
        return any(level.within(key, own) for own in self.keys)


def of(db: Connection, incidents: Collection[Incident]) -> dict[int, About]:
    """Return by number what incidents are about. A job that failed alone is about its own group."""
    keys = {incident.id: cause.group_of(incident.cause_key) for incident in incidents}
    slugs = {slug for key in keys.values() if (slug := cause.slug_of(key)) is not None}
    own = groups.keys_of(db, slugs)
    abouts = {number: About((own.get(cause.slug_of(key) or "", key),)) for number, key in keys.items()}
    regrouped = desk.regrouped(db, incidents)
    return abouts | _as_they_stand(db, regrouped) if regrouped else abouts


def _as_they_stand(db: Connection, numbers: Collection[int]) -> dict[int, About]:
    """Return what incidents that people have regrouped are about: the groups of their jobs."""
    jobs = {
        number: [job for job in raised if job.standing] or raised
        for number, raised in desk.symptoms(db, numbers).items()
    }
    ids = symptoms.check_ids(job.key for raised in jobs.values() for job in raised)
    homes = groups.homes(db, ids.values())
    abouts = {}
    for number, raised in jobs.items():
        titles = dict(homes[ids[job.key]] for job in raised if ids.get(job.key) in homes)
        if titles:
            abouts[number] = About(tuple(titles), _named(list(titles.values())))
    return abouts


def _named(titles: Sequence[str]) -> str:
    more = len(titles) - _NAMED
    return times.names([*titles[:_NAMED], *([f"{more:,} more"] if more > 0 else [])])

"""Gaps of coverage as an incident of the policy that has them, told to those who are on call now. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from alerting import coverage, times
from alerting.coverage import Gap, Lack
from alerting.crew import Crew
from alerting.escalation import Policy
from alerting.incident import Facts, Symptom
from alerting.proof import Marked, Proof
from alerting.severity import Severity
from heartbeat.checks import cause

COVERED = "somebody with a proven contact is on call again"
"""The reason for which a policy is no longer uncovered."""
NAMED = 5
"""Gaps that are named."""
_PREFIX = "coverage:"
_EFFECTS = {
    Lack.NOBODY: "A page in that time reaches no person: at most a channel, and the terminal of the service.",
    Lack.NO_CONTACT: "A page in that time reaches no person: at most a channel, and the terminal of the service.",
    Lack.UNPROVEN: "Pages in that time go to contacts of which nobody knows whether they work.",
}
_ADVICE = {
    Lack.NOBODY: "take the shift, or let somebody else take it, under On call",
    Lack.NO_CONTACT: "give somebody on call a contact, under On call",
    Lack.UNPROVEN: "send a test page to those on call, and let them confirm it",
}


def gaps_of(
    policies: Mapping[str, Policy], crew: Crew, proofs: Mapping[Marked, Proof], now: datetime
) -> dict[str, list[Gap]]:
    """Return the gaps of each policy over the coming days.

    Until the first contact of the installation is proven, a contact counts without a proof.
    """
    any_proven = counts_proofs(proofs)
    return {
        name: [
            gap
            for gap in coverage.gaps(policy, crew, proofs, now, now + coverage.AHEAD)
            if any_proven or gap.lack is not Lack.UNPROVEN
        ]
        for name, policy in policies.items()
    }


def counts_proofs(proofs: Mapping[Marked, Proof]) -> bool:
    """Return whether a contact needs a proof: once any contact of the installation is proven."""
    return any(proof.proven_at for proof in proofs.values())


def key_of(policy: str) -> str:
    """Return the key of the symptom of a policy."""
    return f"{_PREFIX}{policy}"


def soon(gaps: Sequence[Gap], now: datetime, ahead: timedelta) -> list[Gap]:
    """Return the gaps that begin within `ahead`, those first that begin first."""
    return sorted((gap for gap in gaps if gap.start < now + ahead), key=lambda gap: gap.start)


def symptom(gaps: Sequence[Gap], now: datetime, timezone: str, installation: str | None) -> Symptom:
    """Return the symptom of a policy with these gaps, which begin soon. Times are told in `timezone` (IANA)."""
    policy, worst = gaps[0].policy, min(gaps, key=lambda gap: list(Lack).index(gap.lack))
    return Symptom(
        key=key_of(policy),
        cause_key=f"{cause.UNCOVERED}:{policy}:{cause.OF_SERVICE}",
        incident_title=cause.key_title(cause.OF_SERVICE),
        title=f"Policy {policy}",
        cause=cause.UNCOVERED,
        words=cause.in_words(cause.UNCOVERED),
        severity=Severity.ERROR if any(_reaches_nobody(gap, now) for gap in gaps) else Severity.WARNING,
        policy=policy,
        installation=installation,
        facts=Facts(
            since=now,
            why=why(gaps, now, timezone),
            description=_EFFECTS[worst.lack],
            runbook=_ADVICE[worst.lack],
        ),
    )


def _reaches_nobody(gap: Gap, now: datetime) -> bool:
    """Return whether nobody is paged at all now. A contact without a proof may work."""
    return gap.start <= now and gap.lack is not Lack.UNPROVEN


def why(gaps: Sequence[Gap], now: datetime, timezone: str) -> str:
    """Return when and why nobody is reached: "Fri 04 Dec 09:00 to 17:00 CET: nobody is on call"."""
    told = [coverage.sentence(gap, now, timezone) for gap in gaps[:NAMED]]
    if len(gaps) > NAMED:
        told.append(f"and {times.count(len(gaps) - NAMED, 'more gap')}")
    return "; ".join(told)

"""The runner of the proofs: when it says that a promise is kept."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.proof import rounds, runner
from tests.proof.outcome import Outcome, Row


def proof(violations: int = 0, of_the_control: int = 1, count: int = 1) -> Callable[[bool], Outcome]:
    """A subject with this outcome."""
    rows = (Row("crashes", count, violations, "ping 7 is lost" if violations else ""),)
    return lambda _short: Outcome("crashes", "It crashes.", rows, (Row("careless", 1, of_the_control),))


@pytest.mark.parametrize(
    ("prove", "faults"),
    [
        (proof(), []),
        (proof(violations=2), ["2 violations in crashes"]),
        (proof(of_the_control=0), ["the control has no violations"]),
        (proof(count=0), ["nothing was done"]),
    ],
)
def test_a_proof_holds_only_without_violations_and_beside_a_control_that_has_some(
    prove: Callable[[bool], Outcome], faults: list[str]
) -> None:
    (outcome,) = runner.proven({"crashes": prove}, short=True)
    assert outcome.faults == faults


def test_a_proof_that_raises_fails_and_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_short: bool) -> Outcome:
        raise OSError("no disk")

    first, second = runner.proven({"broken": broken, "crashes": proof()}, short=True)
    assert "no disk" in capsys.readouterr().err
    assert first.faults[0] == "1 violations in OSError: no disk"
    assert not second.faults


@pytest.mark.parametrize(("of_the_control", "status"), [(3, 0), (0, 1)])
def test_the_exit_status_says_whether_all_is_proven(
    of_the_control: int,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "SUBJECTS", {"crashes": proof(of_the_control=of_the_control)})
    assert runner.main(["crashes", "--short"]) == status
    assert "control: careless" in capsys.readouterr().out
    (kept,) = json.loads((tmp_path / "build" / "proof.json").read_text())
    assert kept["faults"] == ([] if status == 0 else ["the control has no violations"])


def trial_watch_end_with_their_time_but_never_before_the_first() -> None:
    rounds.allow(float("inf"))
    assert list(rounds.rounds(3)) == [0, 1, 2]
    rounds.allow(-1)
    assert list(rounds.rounds(3)) == [0]
    rounds.allow(float("inf"))

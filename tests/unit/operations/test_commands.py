"""The commands of the configuration."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from heartbeat.checks import store as check_store
from heartbeat.checks.check import Signal
from heartbeat.database import Database
from heartbeat.operations import commands
from heartbeat.operations.serving_process import Failed
from heartbeat.pings import lanes
from heartbeat.pings.arrival import Arrival, ByUuid
from heartbeat.settings import Settings
from tests.unit.alerting.conftest import a_symptom, deliver


async def test_applying_a_large_file_may_take_longer_than_other_work_in_the_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heartbeat.database.PATIENCE", 0.0)
    config = tmp_path / "heartbeat.yaml"
    config.write_text("checks: {nightly: {every: 1d}}\n", encoding="utf-8")
    settings = Settings(data_dir=tmp_path, config=config, database_url=f"sqlite:///{tmp_path}/heartbeat.db")
    assert await commands.apply(settings, delete=False) == 0


async def test_the_herd_of_the_stored_checks_is_printed_with_its_spread(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "heartbeat.yaml"
    jobs = "".join(f'  job-{n}: {{schedule: "0 3 * * *", labels: {{host: db-1}}}}\n' for n in range(12))
    config.write_text(f"checks:\n{jobs}", encoding="utf-8")
    settings = Settings(data_dir=tmp_path, config=config, database_url=f"sqlite:///{tmp_path}/heartbeat.db")
    await commands.apply(settings, delete=False)
    capsys.readouterr()
    assert commands.spread(settings, at_least=10) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first == "# 03:00 UTC: 12 jobs due in one minute, all on db-1."
    assert last.startswith("    schedule: ")
    assert commands.spread(settings, at_least=13) == 0
    assert capsys.readouterr().out.startswith("# Nothing to spread: at most 12 jobs due in one minute")


async def test_a_rule_is_tried_on_the_kept_runs_before_it_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "heartbeat.yaml"
    config.write_text("checks: {nightly: {every: 1d}}\n", encoding="utf-8")
    settings = Settings(data_dir=tmp_path, config=config, database_url=f"sqlite:///{tmp_path}/heartbeat.db")
    await commands.apply(settings, delete=False)
    database = Database(settings.database_url)
    check = await database.read(lambda db: check_store.load(db, "nightly"))
    assert check is not None
    for hours, rows in ((3, 12), (2, 0), (1, 0)):
        at = datetime.now(UTC) - timedelta(hours=hours)
        ping = Arrival(ByUuid(check.uuid.hex), Signal.SUCCESS, at, "GET", "127.0.0.1", "curl/8")
        ping.measurements = {"rows": rows}
        await database.write(lambda db, ping=ping: lanes.hear(db, [ping]))  # type: ignore[misc]
    database.close()
    capsys.readouterr()
    assert commands.try_rule(settings, "nightly", "rows > 0, for 2 runs") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Rule: rows > 0, for 2 runs"
    assert re.fullmatch("Broken by 2 of the last 3 runs, since .* UTC. It would have paged once.", said[1])
    assert [line.partition("UTC  ")[2] for line in said[2:]] == [
        "rows must be > 0, was 0; would have paged",
        "rows must be > 0, was 0",
    ]
    assert commands.try_rule(settings, "nightly", "rows > many") == 1
    assert "column 8" in capsys.readouterr().err
    for wrong, column in (("", 1), (", for 2 runs", 1), ("  , warning", 3), ("rows > 0, for 21 runs", 15)):
        assert commands.try_rule(settings, "nightly", wrong) == 1
        assert f"column {column}: " in capsys.readouterr().err
    assert commands.try_rule(settings, "weekly", "rows > 0") == 1
    assert capsys.readouterr().err == "There is no check weekly.\n"


async def test_the_past_is_printed_from_the_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "heartbeat.yaml"
    config.write_text("checks: {nightly: {every: 1d}}\n", encoding="utf-8")
    settings = Settings(data_dir=tmp_path, config=config, database_url=f"sqlite:///{tmp_path}/heartbeat.db")
    await commands.apply(settings, delete=False)
    database = Database(settings.database_url)
    began = datetime.now(UTC) - timedelta(minutes=9)
    await database.write(lambda db: deliver(db, began, a_symptom()))
    database.close()
    capsys.readouterr()
    assert commands.postmortem(settings, 1) == 0
    assert capsys.readouterr().out.startswith("# job 1 (a): post-mortem (draft)\n")
    with pytest.raises(Failed, match=r"There is no incident 2\."):
        commands.postmortem(settings, 2)
    assert commands.report(settings, None, None) == 0
    said = capsys.readouterr().out
    assert "1 page, " in said
    assert "job 1: 1 page in 1 incident" in said
    with pytest.raises(Failed, match="--until: must be after since"):
        commands.report(settings, began, began)

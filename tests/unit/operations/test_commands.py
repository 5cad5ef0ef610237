"""The commands of the configuration."""

from pathlib import Path

import pytest

from heartbeat.operations import commands
from heartbeat.settings import Settings


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

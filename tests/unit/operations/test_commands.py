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

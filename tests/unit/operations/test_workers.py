"""Several serving processes: what they need, and what each of them inherits."""

from pathlib import Path

import pytest

from heartbeat import __main__ as command_line
from heartbeat.operations import workers
from heartbeat.operations.workers import Place
from heartbeat.settings import BadSetting, Settings


def test_workers_on_sqlite_are_refused_in_words(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/heartbeat.db")
    with pytest.raises(
        BadSetting, match=r"^serve --workers 2 needs PostgreSQL, since one process writes a SQLite file"
    ):
        workers.run(settings, 2)


def test_workers_without_the_api_are_refused_in_words(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, database_url="postgresql://localhost/heartbeat", roles=frozenset({"pager"})
    )
    with pytest.raises(
        BadSetting, match=r"^serve --workers 2 spreads the role api, which this process does not have"
    ):
        workers.run(settings, 2)


@pytest.mark.parametrize("count", ["0", "65", "-1", "two", "2.0", ""])
def test_a_wrong_number_of_workers_is_one_sentence(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_line.main(["serve", f"--workers={count}"])
    assert "argument --workers: must be a whole number from 1 to 64" in capsys.readouterr().err


def test_a_place_is_inherited_on_the_command_line() -> None:
    place = Place(3, 7, 8)
    assert Place.parsed(str(place)) == place
    assert [Place(number, 7, 8).leads for number in (0, 1)] == [True, False]

"""The crontab of all checks: each check's times and ping, and no secret."""

from datetime import timedelta

from heartbeat.checks.schedule import Cron, Every, OnCalendar
from heartbeat.operations import crontab_lines
from tests.unit.conftest import a_check

URL = "https://heartbeat.example.com"


def test_each_check_has_a_line_with_its_times_and_its_ping() -> None:
    nightly = a_check("nightly", schedule=Cron("30 1 * * *", "Europe/London"), labels={"host": "vault-1"})
    worker = a_check("worker", schedule=Every(timedelta(minutes=5)))
    assert list(crontab_lines.lines([nightly, worker], ["jobs"], URL)) == [
        "# Put a ping key here (jobs). heartbeat does not print it.",
        "HEARTBEAT_PING_KEY=",
        "# Each time is in the zone that its comment names: cron must run in that zone.",
        "",
        "# nightly: at 01:30 every day, Europe/London; host vault-1",
        "30 1 * * * /path/to/nightly; curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null "
        '"https://heartbeat.example.com/ping/$HEARTBEAT_PING_KEY/nightly/$?"',
        "",
        "# worker: every 5 minutes",
        "*/5 * * * * /path/to/worker; curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null "
        '"https://heartbeat.example.com/ping/$HEARTBEAT_PING_KEY/worker/$?"',
    ]


def test_a_schedule_that_cron_does_not_have_is_a_comment() -> None:
    monthly = a_check("monthly", schedule=OnCalendar("*-*~01 18:00", "UTC"))
    *_, line = crontab_lines.lines([monthly], ["jobs", "backups"], URL)
    assert line.startswith("# no times in crontab(5) have this schedule: /path/to/monthly; curl ")


def test_without_a_ping_key_the_lines_name_checks_by_uuid() -> None:
    job = a_check()
    first, *_, line = crontab_lines.lines([job], [], URL)
    assert (
        first
        == "# There is no ping key, so these lines name each check by its uuid. Keep them from strangers."
    )
    assert line.endswith(f'"{URL}/ping/{job.uuid}/$?"')


def test_every_line_is_a_comment_a_variable_or_five_fields_and_a_command() -> None:
    jobs = [a_check("one"), a_check("two", schedule=OnCalendar("Mon 03:00", "UTC"))]
    for line in crontab_lines.lines(jobs, ["jobs"], URL):
        assert not line or line.startswith("#") or "=" in line.split()[0] or len(line.split()) > 6
        assert "%" not in line  # cron makes a line break of it

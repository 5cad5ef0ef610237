"""The SQL of labels, with names and values that resemble each other."""

import pytest
from sqlalchemy import Connection, select, update

from heartbeat.checks import store
from heartbeat.checks.labels import labelled
from heartbeat.checks.tables import checks
from tests.unit.conftest import a_check

AWKWARD = 'a "b": "c", \\ ü\u00a0', "100%_", "x"


@pytest.mark.parametrize("value", AWKWARD)
@pytest.mark.parametrize("name", ["host", *AWKWARD])
def test_a_label_is_found_by_its_whole_name_and_value(db: Connection, name: str, value: str) -> None:
    alike = [
        {name: f"{value}x"},
        {name: f"x{value}"},
        {f"x{name}": value},
        {f"{name}x": value},
        {"note": f'{name}": "{value}'},
        {"note": f'"{name}": "{value}"'},
        {value: name} if name != value else {},
        {},
    ]
    of_it = [{name: value}, {"a": "1", name: value, "z": "2"}]
    jobs = [a_check(f"job-{place}", labels=labels) for place, labels in enumerate([*of_it, *alike])]
    store.insert(db, jobs)
    query = select(checks.c.slug).where(*labelled(db, {name: value})).order_by(checks.c.slug)
    assert list(db.execute(query).scalars()) == ["job-0", "job-1"]


def test_labels_that_were_written_with_spaces_are_found(db: Connection) -> None:
    store.insert(db, [a_check("job", labels={"host": "a"})])
    db.execute(update(checks).values(labels={"env": "b c", "host": "a: d"}))
    assert db.execute(select(checks.c.slug).where(*labelled(db, {"host": "a: d"}))).scalars().all() == ["job"]

"""The configuration file: its text in UTF-8, and its meaning in the environment of this process."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from alerting.network import networks
from heartbeat import configuration_file
from heartbeat.checks.tables import checks
from heartbeat.clock import WallClock
from heartbeat.database import Database
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.plan import Plan, WouldDelete
from heartbeat.settings import Settings
from heartbeat.tables import installation
from tests.unit.conftest import NOW

SETTINGS = Settings(data_dir=Path("none"), admin_key="a" * 32, secret_key="s" * 32)


def test_the_plan_warns_about_addresses_that_no_page_may_reach(tmp_path: Path) -> None:
    """The warning comes when the file is read, not with the first page at night. It contains no secret."""
    text = """
people:
  anna: {contacts: [{webhook: "${HOOK}"}, {ntfy: "http://10.0.0.7/anna"}, {ntfy: "http://[fe80::1]/anna"}]}
  ben: {contacts: [{ntfy: "http://169.254.169.254/ben"}]}
policies: {ops: [{page: anna, wait: 5m}]}
"""
    settings = replace(SETTINGS, environment={"HOOK": "http://169.254.7.7/T0K3N"})
    warnings = configuration_file.understand(text, tmp_path / "heartbeat.yaml", settings).warnings
    assert [line.partition(", where this")[0] for line in warnings] == [
        "people.anna.contacts: webhook: the address leads to 169.254.7.7, a link-local address",
        "people.anna.contacts: ntfy: the address leads to fe80::1, a link-local address",
        "people.ben.contacts: ntfy: the address leads to 169.254.169.254, the metadata service of a cloud",
    ]
    assert "T0K3N" not in "".join(warnings)
    allowed = replace(settings, allow_addresses=networks("169.254.0.0/16, fe80::/10"))
    assert configuration_file.understand(text, tmp_path / "heartbeat.yaml", allowed).warnings == ()


def test_the_file_is_read_as_utf_8_with_or_without_a_mark_at_its_start(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat.yaml"
    for start in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(start + "name: Müllabfuhr".encode())
        assert configuration_file.text_of(path) == "name: Müllabfuhr"


def test_a_file_in_another_encoding_is_refused_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat.yaml"
    path.write_bytes(b"checks:\n  base: {every: 1h, name: M\xfcll}\n")
    with pytest.raises(Wrong) as raised:
        configuration_file.text_of(path)
    assert raised.value.problems == [f"{path}:2: this is not UTF-8: save the file in this encoding."]


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="cannot be read: Is a directory"):
        configuration_file.text_of(tmp_path)


TEXT = """\
ping_keys: {a: "${KEY}", b: "${file:SECRET}"}
checks: {one: {every: 5m, labels: {job: one}}}
status_pages: {public: {title: Ours, logo: LOGO, components: [{name: One, match: {job: one}}]}}
"""
SVG = "<svg xmlns='http://www.w3.org/2000/svg'></svg>"


@pytest.fixture
def place(tmp_path: Path) -> tuple[str, Settings]:
    """A text with one reference of each kind, and the settings with which it is read."""
    (tmp_path / "secret").write_text("the-secret-of-a-file", encoding="utf-8")
    (tmp_path / "logo.svg").write_text(SVG, encoding="utf-8")
    text = TEXT.replace("SECRET", f"{tmp_path}/secret").replace("LOGO", f"{tmp_path}/logo.svg")
    return text, replace(SETTINGS, environment={"KEY": "the-secret-of-a-variable", "OTHER": "1"})


def applied(db: Connection, text: str, settings: Settings) -> Plan:
    understood = configuration_file.understand(text, Path("heartbeat.yaml"), settings)
    return definition_plan.apply(db, understood, NOW)


def test_a_configuration_that_was_applied_is_in_force_until_its_text_or_a_source_changes(
    db: Connection, place: tuple[str, Settings], tmp_path: Path
) -> None:
    text, settings = place

    def in_force(text: str = text, settings: Settings = settings) -> bool:
        return configuration_file.is_in_force(db, text, settings)

    assert not in_force()
    applied(db, text, settings)
    assert in_force()
    assert in_force(settings=replace(settings, environment={**settings.environment, "OTHER": "2"}))
    assert not in_force(text + "# a comment\n")
    assert not in_force(settings=replace(settings, environment={**settings.environment, "KEY": "x" * 20}))
    assert not in_force(settings=replace(settings, environment={}))
    for name in ("secret", "logo.svg"):
        path = tmp_path / name
        content = path.read_text(encoding="utf-8")
        path.write_text(content + " ", encoding="utf-8")
        assert not in_force()
        path.unlink()
        assert not in_force()
        path.write_text(content, encoding="utf-8")
        assert in_force()


def test_another_release_or_plugin_reads_the_configuration_again(
    db: Connection, place: tuple[str, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(db, *place)
    monkeypatch.setattr(configuration_file, "_program", lambda: "another release")
    assert not configuration_file.is_in_force(db, *place)


def test_a_configuration_that_others_have_changed_since_is_not_in_force(
    db: Connection, place: tuple[str, Settings]
) -> None:
    """Another release applies its file without storing what it read."""
    text, settings = place
    applied(db, text, settings)
    other = configuration_file.understand("checks: {two: {every: 5m}}", Path("f"), settings)
    assert definition_plan.apply(db, replace(other, sources=None), NOW, delete=True).changes
    assert not configuration_file.is_in_force(db, text, settings)
    applied(db, text, settings)
    assert configuration_file.is_in_force(db, text, settings)


def test_a_configuration_that_would_delete_checks_is_not_in_force(
    db: Connection, place: tuple[str, Settings]
) -> None:
    text, settings = place
    applied(db, text, settings)
    db.execute(update(checks).values(last_ok_at=NOW))
    with pytest.raises(WouldDelete):
        applied(db, "checks: {}", settings)
    assert not configuration_file.is_in_force(db, "checks: {}", settings)
    assert configuration_file.is_in_force(db, text, settings)


def test_nothing_that_is_kept_of_the_sources_tells_a_secret(
    db: Connection, place: tuple[str, Settings]
) -> None:
    applied(db, *place)
    kept = str(db.execute(select(installation.c.value)).scalars().all())
    assert "the-secret" not in kept
    digests = [sha256(secret.encode()).hexdigest() for secret in ("the-secret-of-a-variable", place[0])]
    assert not any(digest in kept for digest in digests)


async def test_an_unchanged_configuration_is_not_read_again(
    place: tuple[str, Settings], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, settings = place
    database = Database(database_url)
    apply = configuration_file.applier(settings, database, WallClock(), lambda: None)
    try:
        first = await apply(text, Path("f"), definition_plan.THE_FILE, False)
        assert first.changes
        monkeypatch.setattr(configuration_file, "understand", None)
        assert (await apply(text, Path("f"), definition_plan.THE_FILE, False)).empty
    finally:
        database.close()

"""The configuration file: its text in UTF-8, and its meaning in the environment of this process."""

from dataclasses import replace
from pathlib import Path

import pytest

from alerting.network import networks
from heartbeat import configuration_file
from heartbeat.definitions.file import Wrong
from heartbeat.settings import Settings

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

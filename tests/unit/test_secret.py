"""Secrets by reference: what is filled in, and that what is wrong is said without saying a secret."""

import re
from pathlib import Path

import pytest

from heartbeat import secret

ENV = {"KEY": "hunter2", "EMPTY": "", "A_1": "one", "LINE": "s3cret\n", "CRLF": "s3cret\r\n", "BLANK": "\n"}


def read(path: Path) -> str:
    contents = {"/run/key": "s3cret\n", "/run/crlf": "s3cret\r\n", "/run/two": "a\n\n", "/run/empty": "\n"}
    if str(path) == "/run/latin":
        return b"\xe9".decode()
    if "\0" in str(path):
        raise ValueError("embedded null byte")
    if str(path) not in contents:
        raise FileNotFoundError(2, "No such file or directory", str(path))
    return contents[str(path)]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${KEY}", "hunter2"),
        ("${LINE}", "s3cret"),
        ("${CRLF}", "s3cret"),
        ("${file:/run/key}", "s3cret"),
        ("${file:/run/crlf}", "s3cret"),
        ("${file:/run/two}", "a\n"),
        ("https://example.com/${A_1}/${KEY}?x", "https://example.com/one/hunter2?x"),
        ("no reference, $KEY, {KEY}, $", "no reference, $KEY, {KEY}, $"),
        ("", ""),
    ],
)
def test_references_are_filled_in(text: str, filled: str) -> None:
    assert secret.fill_in(text, ENV, read) == filled


def test_a_fault_says_whose_environment_lacks_the_secret() -> None:
    for reference, sentence in (
        ("${NOPE}", "${NOPE} is not set in Anna's shell; set it there or write ${file:PATH}."),
        ("${EMPTY}", "${EMPTY} is set in Anna's shell, but empty; give it its value."),
    ):
        with pytest.raises(secret.Absent) as raised:
            secret.fill_in(reference, ENV, read, "Anna's shell")
        assert (str(raised.value), raised.value.reference) == (sentence, reference)


def test_a_filled_in_secret_is_not_filled_in_again() -> None:
    assert secret.fill_in("${A}", {"A": "${B}", "B": "x"}, read) == "${B}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("${NOPE}", "${NOPE} is not set in the environment; set it there or write ${file:PATH}."),
        ("${EMPTY}", "${EMPTY} is set in the environment, but empty; give it its value."),
        ("${BLANK}", "${BLANK} is set in the environment, but empty; give it its value."),
        ("${file:/run/nope}", "${file:/run/nope} cannot be read: No such file or directory."),
        ("${file:/run/latin}", "${file:/run/latin} cannot be read: it is not text in UTF-8."),
        ("${file:/run/\0}", "${file:/run/\0} cannot be read: it is no path."),
        ("${file:/run/empty}", "${file:/run/empty} is an empty file; write the secret into it."),
        ("${KEY} and ${", "'${' begins no reference; write ${NAME} or ${file:PATH}."),
        ("${}", "'${' begins no reference; write ${NAME} or ${file:PATH}."),
        ("${not-a-name}", "'${' begins no reference; write ${NAME} or ${file:PATH}."),
        ("${file:}", "'${' begins no reference; write ${NAME} or ${file:PATH}."),
    ],
)
def test_a_fault_is_one_sentence_without_the_secret(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        secret.fill_in(text, ENV, read)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("${KEY}", True),
        ("${file:/run/a b.txt}", True),
        ("x${KEY}", False),
        ("${KEY}${KEY}", False),
        ("${KEY}\n", False),
        ("${1}", False),
        ("KEY", False),
    ],
)
def test_only_a_whole_text_is_a_reference(text: str, is_one: bool) -> None:
    assert secret.is_reference(text) is is_one


def test_a_file_is_utf8_whatever_the_locale_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locale.getencoding", lambda: "iso-8859-1")
    file = tmp_path / "key"
    file.write_bytes("schlüssel\n".encode())
    assert secret.fill_in(f"${{file:{file}}}", {}, secret.read_file) == "schlüssel"
    file.write_bytes(b"\xef\xbb\xbf" + "schlüssel\r\n".encode())
    assert secret.fill_in(f"${{file:{file}}}", {}, secret.read_file) == "schlüssel", "an editor left its mark"
    file.write_bytes("schlüssel\n".encode("latin-1"))
    with pytest.raises(secret.Absent, match="it is not text in UTF-8"):
        secret.fill_in(f"${{file:{file}}}", {}, secret.read_file)

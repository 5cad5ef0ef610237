"""The authorities that outgoing connections trust, on every machine."""

import ssl
from pathlib import Path

import certifi
import pytest

from alerting.notifiers.transport import tls
from tests.unit.alerting.notifiers.conftest import CERTIFICATE


def subjects(context: ssl.SSLContext) -> list[object]:
    return [certificate["subject"] for certificate in context.get_ca_certs()]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine's own store: a file in this folder, or a folder of it. Both are missing."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    paths = ssl.get_default_verify_paths()._replace(
        openssl_cafile=str(tmp_path / "cert.pem"), openssl_capath=str(tmp_path / "certs")
    )
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    return tmp_path


def test_the_store_of_the_system_is_trusted(store: Path) -> None:
    (store / "cert.pem").write_bytes(CERTIFICATE.read_bytes())
    assert len(subjects(tls.trusting())) == 1
    (store / "certs").mkdir()
    (store / "certs" / "0a1b2c3d.0").touch()
    assert tls.authorities({}) == (str(store / "cert.pem"), str(store / "certs"))


def test_a_machine_without_a_store_has_the_public_authorities(store: Path) -> None:
    (store / "certs").mkdir()
    assert tls.authorities({}) == (certifi.where(), None)
    assert len(subjects(tls.trusting())) > 50


def test_variables_name_other_authorities_unless_they_are_empty(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tls.authorities({"SSL_CERT_FILE": "/a.pem", "SSL_CERT_DIR": ""}) == ("/a.pem", None)
    assert tls.authorities({"SSL_CERT_FILE": "", "SSL_CERT_DIR": "/certs"}) == (None, "/certs")
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    assert len(subjects(tls.trusting())) == 1
    monkeypatch.setenv("SSL_CERT_FILE", "")
    assert len(subjects(tls.trusting())) > 50


def test_a_file_comes_before_the_variables(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    assert len(subjects(tls.trusting(str(CERTIFICATE)))) == 1
    with pytest.raises(FileNotFoundError):
        tls.trusting(str(store / "missing.pem"))

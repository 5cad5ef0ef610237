"""The certificate authorities that outgoing connections trust: the machine's own, or those that the operator names."""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import certifi


def trusting(ca_file: str | None = None) -> ssl.SSLContext:
    """Return a context that trusts the authorities of a PEM file, or else those of `authorities`.

    Raises OSError if they cannot be read.
    """
    file, folder = (ca_file, None) if ca_file else authorities(os.environ)
    return ssl.create_default_context(cafile=file, capath=folder)


def authorities(environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return the file and the folder with the authorities, at least one of them.

    SSL_CERT_FILE and SSL_CERT_DIR name them instead of the system's. A machine without any has those of certifi, which
    are Mozilla's.
    """
    named = environ.get("SSL_CERT_FILE") or None, environ.get("SSL_CERT_DIR") or None
    if any(named):
        return named
    paths = ssl.get_default_verify_paths()
    file, folder = Path(paths.openssl_cafile), Path(paths.openssl_capath)
    system = str(file) if file.is_file() else None, str(folder) if _has_entries(folder) else None
    return system if any(system) else (certifi.where(), None)


def _has_entries(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())

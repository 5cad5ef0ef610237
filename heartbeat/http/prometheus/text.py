"""Metrics as text: in the format of Prometheus, or in OpenMetrics if the scraper prefers it.

Sources: Prometheus text format 0.0.4, OpenMetrics 1.0, RFC 9110 section 12 (Accept, Accept-Encoding).
"""

import gzip
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

EOF = b"# EOF\n"
_OPENMETRICS = "application/openmetrics-text"
_VERSIONS = ("", "0.0.1", "1.0.0")
"""Accepted versions of OpenMetrics. The response is in 1.0.0."""


class Format(Enum):
    """The two formats. The value is the content type."""

    PLAIN = CONTENT_TYPE_PLAIN_0_0_4
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Families(Collector):
    """Ready families of metrics, as a collector of prometheus_client."""

    families: tuple[Metric, ...]

    def collect(self) -> Iterable[Metric]:
        return self.families


def encode(families: Iterable[Metric], lines: bytes, text_format: Format) -> bytes:
    """Return the families as text, followed by `lines` of gauges, which are the same in both formats."""
    collector = Families(tuple(families))
    if text_format is Format.PLAIN:
        return generate_latest(collector) + lines
    # Untyped upstream.
    generate: Callable[[Collector], bytes] = openmetrics.generate_latest
    return generate(collector).removesuffix(EOF) + lines + EOF


def compressed(text: bytes) -> bytes:
    """Return the text compressed with gzip. Speed matters more than size: a scrape is read once."""
    return gzip.compress(text, compresslevel=1, mtime=0)


def preferred_format(accept: str) -> Format:
    """Return the preferred format of an `Accept` header, by default the plain one."""
    best, format_ = 0.0, Format.PLAIN
    for kind, parameters, weight in _ranges(accept):
        is_openmetrics = kind == _OPENMETRICS and parameters.get("version", "") in _VERSIONS
        if not is_openmetrics and kind not in ("text/plain", "text/*", "*/*"):
            continue
        if weight > best or (weight == best > 0 and is_openmetrics):
            best, format_ = weight, Format.OPENMETRICS if is_openmetrics else Format.PLAIN
    return format_


def takes_gzip(accept_encoding: str) -> bool:
    """Return whether an `Accept-Encoding` header accepts gzip."""
    return any(kind == "gzip" and weight > 0 for kind, _, weight in _ranges(accept_encoding))


def _ranges(header: str) -> Iterable[tuple[str, dict[str, str], float]]:
    """Yield each value of an Accept header with its parameters and its weight, from 0 to 1."""
    for part in header.split(","):
        kind, *pieces = (piece.strip() for piece in part.split(";"))
        pairs = (pair.partition("=") for pair in pieces)
        parameters = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
        try:
            weight = min(max(float(parameters.get("q", "1")), 0.0), 1.0)
        except ValueError:
            weight = 0.0
        yield kind.lower(), parameters, weight

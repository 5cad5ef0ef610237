"""How metrics are written out: in the text format of Prometheus, or in OpenMetrics where the scraper asks for it.

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
"""Versions of OpenMetrics that are answered with 1.0.0."""


class Format(Enum):
    """The two formats; the value is the type of the content."""

    PLAIN = CONTENT_TYPE_PLAIN_0_0_4
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Families(Collector):
    """Families of metrics that are known already, as prometheus_client wants them."""

    families: tuple[Metric, ...]

    def collect(self) -> Iterable[Metric]:
        """The families."""
        return self.families


def written(families: Iterable[Metric], lines: bytes, wanted: Format) -> bytes:
    """These families, and behind them `lines` of gauges, which both formats write alike."""
    known = Families(tuple(families))
    if wanted is Format.PLAIN:
        return generate_latest(known) + lines
    # Untyped upstream.
    encode: Callable[[Collector], bytes] = openmetrics.generate_latest
    return encode(known).removesuffix(EOF) + lines + EOF


def compressed(text: bytes) -> bytes:
    """With gzip, quickly rather than small: a scrape is read once."""
    return gzip.compress(text, compresslevel=1, mtime=0)


def asked(accept: str) -> Format:
    """The format that a request's `Accept` likes best; the old one where it does not care."""
    best, format_ = 0.0, Format.PLAIN
    for kind, parameters, weight in _ranges(accept):
        is_openmetrics = kind == _OPENMETRICS and parameters.get("version", "") in _VERSIONS
        if not is_openmetrics and kind not in ("text/plain", "text/*", "*/*"):
            continue
        if weight > best or (weight == best > 0 and is_openmetrics):
            best, format_ = weight, Format.OPENMETRICS if is_openmetrics else Format.PLAIN
    return format_


def takes_gzip(accept_encoding: str) -> bool:
    """Whether a request's `Accept-Encoding` names gzip and does not forbid it."""
    return any(kind == "gzip" and weight > 0 for kind, _, weight in _ranges(accept_encoding))


def _ranges(header: str) -> Iterable[tuple[str, dict[str, str], float]]:
    """What a header of the Accept family lists: each kind with its parameters and its weight, from 0 to 1."""
    for part in header.split(","):
        kind, *given = (piece.strip() for piece in part.split(";"))
        pairs = (pair.partition("=") for pair in given)
        parameters = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
        try:
            weight = min(max(float(parameters.get("q", "1")), 0.0), 1.0)
        except ValueError:
            weight = 0.0
        yield kind.lower(), parameters, weight

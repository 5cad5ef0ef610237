"""The chart as the real Helm renders it, its golden files and its table of values.

`make chart` renews both.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import helm_python
import yaml

ROOT = Path(__file__).parents[3]
CHART = ROOT / "helm"
GOLDEN = Path(__file__).parent / "golden"
BEGIN, END = "<!-- values -->", "<!-- /values -->"

SECRETS = {"adminKey": "an-admin-key-for-tests", "secretKey": "a-secret-key-for-tests-of-32-characters"}
POSTGRESQL = {
    "database": "postgresql",
    "replicas": 3,
    "existingSecret": "heartbeat-secrets",
    "publicUrl": "https://heartbeat.example.com:8443",
    "config": "group_by: [host]\nchecks:\n  nightly: {every: 1d}\n",
}
SETS: Mapping[str, dict[str, Any]] = {
    "bare": {},
    "sqlite": {"secret": SECRETS},
    "postgresql": POSTGRESQL,
    "split": POSTGRESQL
    | {
        "existingSecret": "",
        "secret": SECRETS | {"databaseUrl": "postgresql://heartbeat:secret@db/heartbeat"},
        "split": {"enabled": True, "api": 3},
        "serviceMonitor": {"enabled": True, "secret": "scraping", "labels": {"release": "prometheus"}},
    },
    "everything": POSTGRESQL
    | {
        "extraEnv": [{"name": "HEARTBEAT_OUTSIDE_URL", "value": "https://watcher.example.com/ping/1"}],
        "extraEnvFrom": [{"secretRef": {"name": "providers"}}],
        "image": {
            "repository": "registry.example.com/heartbeat",
            "tag": "edge",
            "digest": f"sha256:{'0a' * 32}",
        }
        | {"pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "registry"}],
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "tlsSecret": "heartbeat-tls",
            "annotations": {"example.com/a": "b"},
        },
        "httpRoute": {"enabled": True, "parentRefs": [{"name": "public", "namespace": "gateways"}]},
        "networkPolicy": {
            "from": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}],
            "to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}],
        },
        "serviceMonitor": {"enabled": True, "secret": "scraping", "secretKey": "key"},
        "prometheusRule": {"enabled": True, "runbookBase": "https://example.com/runbooks/"},
        "dashboard": {"enabled": True},
        "serviceAccount": {"annotations": {"example.com/role": "heartbeat"}},
        "service": {"type": "LoadBalancer", "port": 8080, "annotations": {"example.com/c": "d"}},
        "test": {"check": "nightly"},
        "podAnnotations": {"example.com/e": "f"},
        "podLabels": {"team": "ops"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "ops", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "system-cluster-critical",
    },
}
"""Values by the name of their golden file."""


def rendered(values: dict[str, Any], *, again: bool = False) -> dict[str, str]:
    """What Helm makes of the chart at an installation, or `again` at an upgrade: manifests by their template's name."""
    chart = helm_python.Chart.load(CHART)
    try:
        found: dict[str, str] = chart.render(
            values, name="heartbeat", namespace="watch", is_install=not again, is_upgrade=again
        )
    finally:
        chart.close()
    return {name.removeprefix("heartbeat/templates/"): text for name, text in found.items() if text.strip()}


def documents(values: dict[str, Any], *, again: bool = False) -> Iterator[dict[str, Any]]:
    """Every object of the manifests."""
    for name, text in sorted(rendered(values, again=again).items()):
        if name.endswith(".yaml"):
            yield from (one for one in yaml.safe_load_all(text) if one)


def golden(values: dict[str, Any]) -> str:
    """Every manifest in one text. Of long files that are only passed through it has the beginning."""
    texts = [f"# {name}\n{text.strip()}\n" for name, text in sorted(rendered(values).items())]
    return "\n".join(_shortened(text) for text in texts)


def table() -> str:
    """The chart's values with their defaults, as a table, from the comments of values.yaml."""
    rows = ["| Value | Default | Meaning |", "|---|---|---|"]
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    for path, words in _commented((CHART / "values.yaml").read_text()):
        value: Any = defaults
        for step in path:
            value = value[step]
        if isinstance(value, dict) and any(other[: len(path)] == path for other, _ in _inner(path)):
            continue
        shown = yaml.safe_dump(value, default_flow_style=True, width=1000).strip().removesuffix("\n...")
        rows.append(f"| `{'.'.join(path)}` | `{shown}` | {words} |")
    return "\n".join(rows)


def _inner(path: tuple[str, ...]) -> list[tuple[tuple[str, ...], str]]:
    every = _commented((CHART / "values.yaml").read_text())
    return [(other, words) for other, words in every if len(other) > len(path)]


def _commented(text: str) -> list[tuple[tuple[str, ...], str]]:
    found: list[tuple[tuple[str, ...], str]] = []
    parent, words = "", ""
    for line in text.splitlines():
        if comment := re.match(r" *# -- (.*)", line):
            words = comment[1]
        elif words and (more := re.match(r" *# (.*)", line)):
            words += f" {more[1]}"
        elif key := re.match(r"( *)([A-Za-z]+):", line):
            if not key[1]:
                parent = key[2]
            if words:
                found.append(((key[2],) if not key[1] else (parent, key[2]), words))
            words = ""
    return found


def _shortened(text: str) -> str:
    if not text.startswith(("# dashboard.yaml", "# prometheusrule.yaml")):
        return text
    lines = text.splitlines()
    return "\n".join([*lines[:25], "# and so on, as the file has it\n"]) if len(lines) > 25 else text


def readme() -> str:
    """The chart's README with the table as it must be."""
    text = (CHART / "README.md").read_text()
    head, rest = text.split(BEGIN, 1)
    return f"{head}{BEGIN}\n{table()}\n{END}{rest.split(END, 1)[1]}"


def renew() -> None:
    """Write the golden files and the table anew."""
    GOLDEN.mkdir(exist_ok=True)
    for name, values in SETS.items():
        (GOLDEN / f"{name}.yaml").write_text(golden(values))
    (CHART / "README.md").write_text(readme())


if __name__ == "__main__":
    renew()

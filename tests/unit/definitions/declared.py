"""An example of a configuration file, and a reader of such texts."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import httpx
import jsonschema
import pytest
import yaml

from alerting.notice import Notice
from alerting.notifiers.contract import Contact, Notifier, Outcome
from alerting.notifiers.registry import BUILT_IN
from heartbeat.definitions import file as configuration_file
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.model import Configuration

KEY = "correct-horse-battery-staple"
ENV = {
    "HEARTBEAT_PING_KEY": KEY,
    "OTHER_KEY": "another-key-that-is-long",
    "SHORT_KEY": "too-short",
    "ODD_KEY": "slashes/and spaces!",
    "SMTP_PASSWORD": "hunter2-hunter2",
    "SLACK_URL": "https://hooks.slack.com/services/T0/B0/hunter3",
    "NO_URL": "hunter4 is no URL",
    "BAD_TOKEN": "hunter5 has spaces",
}
SECRETS = (KEY, "another-key", "too-short", "slashes/", "hunter")

EXAMPLE = """\
group_by: [host]
ping_keys: {housekeeping: "${HEARTBEAT_PING_KEY}"}
checks:
  daily-cpu-reset:
    schedule: "0 3 * * *"          # or  every: 5m   or  on_calendar: Mon..Fri 03:00
    timezone: UTC
    grace: 15m
    max_runtime: 2h
    runbook: https://wiki.example.com/cpu-reset
    alert_after: {failures: 2}
    labels: {host: us-housekeeping, region: us, component: cpu-allowance}
    severity: critical
    policy: ops
people:
  first:
    name: First responder
    contacts: [{ntfy: "https://ntfy.example.com/first"}, {email: first@example.com}]
  second: {name: Second responder, contacts: [{email: second@example.com}]}
policies:
  ops:
    - {page: first, wait: 5m}
    - {page: [second, first], wait: 10m}
notifiers:
  email: {smtp: "smtp://mail.example.com:587", from: heartbeat@example.com}
status_pages:
  public:
    title: Example status
    components: [{name: CPU allowance, match: {component: cpu-allowance}}]
"""


class Pigeon:
    """A faulty plugin: it fails, and puts secrets into its messages."""

    kind: ClassVar[str] = "pigeon"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset({"ring"})
    secret_address: ClassVar[bool] = False

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        if "ring" in settings:
            raise KeyError(f"ring {settings['ring']} is lost")
        return cls()

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if "hunter" in address:
            return f"{address} is no loft"
        if address == "cliff":
            raise ZeroDivisionError
        return None

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        raise NotImplementedError


KINDS: dict[str, type[Notifier]] = {kind.kind: kind for kind in BUILT_IN} | {"pigeon": Pigeon}


def parse(text: str, env: Mapping[str, str] = ENV) -> Configuration:
    def read(path: Path) -> str:
        if path != Path("/run/key"):
            raise FileNotFoundError(2, "No such file or directory")
        return "a-key-out-of-a-file\n"

    return configuration_file.parse(text, "f", notifiers=KINDS, env=env, read=read)


def problems(text: str) -> list[str]:
    with pytest.raises(Wrong) as raised:
        parse(text)
    return raised.value.problems


def fits(text: str) -> bool:
    validator = jsonschema.Draft202012Validator(configuration_file.json_schema())
    return bool(validator.is_valid(yaml.safe_load(text)))

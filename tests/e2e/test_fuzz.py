"""The whole API under fire: requests that its own description allows, and ones that it forbids, by schemathesis.

No answer is a 5xx, each is one that the description knows, and what is forbidden is refused.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
)

from tests.e2e.conftest import began
from tests.e2e.service import ADMIN_KEY, PING_KEY, Service, configuration

pytestmark = pytest.mark.e2e

EXAMPLES = 25
REFUSED = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422"]
"""How what is forbidden may be refused: a condition that does not hold (412) and the length of the body (413) may
be looked at first."""
CONFIG = {"checks": {"negative_data_rejection": {"expected-statuses": REFUSED}}}
KEY = {"Authorization": f"Bearer {ADMIN_KEY}"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with something of everything in it."""
    checks = {"daily-cpu-reset": "every: 1h, labels: {host: a}", "nightly-backup": "every: 1d"}
    text = configuration(checks, ["{console: terminal}"], top="gathering: 1s")
    with began(tmp_path_factory.mktemp("fuzz"), text) as made:
        made.ping("daily-cpu-reset")
        made.ping(f"{PING_KEY}/nightly-backup/fail")
        yield made


@pytest.fixture(scope="module")
def description(service: Service) -> schemathesis.BaseSchema:
    """The API as the installation itself describes it."""
    told = httpx.get(f"{service.url}/v1/openapi.json", headers=KEY, trust_env=False).json()
    schema = schemathesis.openapi.from_dict(told, config=SchemathesisConfig.from_dict(CONFIG))
    schema.location = f"{service.url}/v1/openapi.json"
    return schema


def test_whatever_is_asked_is_answered_as_described(
    description: schemathesis.BaseSchema, service: Service
) -> None:
    broken = []
    for found in description.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        for mode in GenerationMode:
            try:
                _fire(operation, mode, service.url)
            except (FailureGroup, Failure, AssertionError) as failure:
                broken.append(f"{operation.label}, {mode.value}: {failure}")
    assert broken == [], "\n\n".join(broken)


# What is right beyond any schema (a cron expression, a name that is known) no generator can guess. After 30 wrong keys
# a minute the answer is 429, which the check of keys does not know. Each operation is asked once without a key instead.
UNKNOWABLE: list[CheckFunction] = [positive_data_acceptance, ignored_auth]
# Whatever is no text in JSON is text all the same once it is sent, and `{}` is a configuration in YAML.
TEXT = {"PUT /v1/configuration": [*UNKNOWABLE, negative_data_rejection]}


def _fire(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, url: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        excluded = TEXT.get(operation.label, UNKNOWABLE)
        case.call_and_validate(base_url=url, headers=KEY, excluded_checks=excluded)
        asked.append(case)

    asked: list[Case[Any]] = []
    with suppress(Unsatisfiable):
        ask()
    for case in asked[:1]:
        without_key = case.call(base_url=url, headers={"Authorization": ""})
        # A body of a stranger that is too long is refused unread.
        refused = (401, 403, 413)
        assert without_key.status_code in refused, f"without a key it answers {without_key.status_code}"

"""The chart, linted and rendered by the real Helm, and judged by the schemas of Kubernetes."""

import json
import tomllib
from typing import Any

import helm_python
import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.unit.deployment import chart
from tests.unit.deployment.chart import CHART, POSTGRESQL, SECRETS, SETS

KUBERNETES = ("1.27", "1.33", "1.37")
NEEDED_BY_POSTGRESQL = (
    "existingSecret: PostgreSQL needs a Secret with the keys admin-key, secret-key and database-url"
)
TEXT = {"type": "string", "minLength": 1}
# Kubernetes' own schemas know nothing of these three. What is said of them here is what the chart makes of them.
CUSTOM: dict[str, dict[str, Any]] = {
    "ServiceMonitor": {
        "required": ["selector", "endpoints"],
        "properties": {
            "selector": {"type": "object", "required": ["matchLabels"]},
            "endpoints": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["port", "path", "interval", "authorization"],
                    "properties": {
                        "port": TEXT,
                        "path": {"const": "/metrics"},
                        "interval": {"pattern": "^[0-9]+(ms|s|m|h)$"},
                        "authorization": {
                            "properties": {"credentials": {"required": ["name", "key"]}},
                            "required": ["credentials"],
                        },
                    },
                },
            },
        },
        "additionalProperties": False,
    },
    "HTTPRoute": {
        "required": ["parentRefs", "hostnames", "rules"],
        "properties": {
            "parentRefs": {"type": "array", "minItems": 1, "items": {"required": ["name"]}},
            "hostnames": {"type": "array", "items": {"pattern": r"^[a-z0-9.-]+$"}},
            "rules": {"type": "array", "items": {"required": ["matches", "backendRefs"]}},
        },
        "additionalProperties": False,
    },
    "PrometheusRule": {
        "required": ["groups"],
        "properties": {
            "groups": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "required": ["name", "rules"],
                    "properties": {
                        "rules": {
                            "items": {
                                "required": ["expr"],
                                "oneOf": [{"required": ["alert"]}, {"required": ["record"]}],
                            }
                        }
                    },
                },
            }
        },
        "additionalProperties": False,
    },
}


def of_kind(values: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in chart.documents(values) if one["kind"] == kind]


def container_of(deployment: dict[str, Any]) -> dict[str, Any]:
    found: list[dict[str, Any]] = deployment["spec"]["template"]["spec"]["containers"]
    return found[0]


@pytest.mark.parametrize("name", SETS)
def test_helm_finds_nothing_to_say(name: str) -> None:
    told = helm_python.lint(CHART, SETS[name], strict=True)
    assert [one for one in told["messages"] if one["severity"] > 1] == []
    assert told["errors"] == []


@pytest.mark.parametrize("name", SETS)
def test_what_helm_renders_is_what_was_looked_at(name: str) -> None:
    """After a change that is meant: `make chart`, and read the difference."""
    assert (chart.GOLDEN / f"{name}.yaml").read_text() == chart.golden(SETS[name])


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("name", SETS)
def test_kubernetes_would_take_it(name: str, version: str) -> None:
    for one in chart.documents(SETS[name]):
        if one["kind"] in CUSTOM:
            jsonschema.validate(one["spec"], CUSTOM[one["kind"]])
        else:
            kubernetes_validate.validate(one, version, strict=True)


def test_the_readme_has_every_value() -> None:
    assert (CHART / "README.md").read_text() == chart.readme()
    documented = {line.split("`")[1] for line in chart.table().splitlines()[2:]}
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(schema["properties"]) - {"global"} == set(values)
    assert {path.split(".")[0] for path in documented} == set(values)


def test_the_schema_describes_each_value_and_refuses_what_it_does_not_know() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    jsonschema.validate(values, schema)
    for wrong in ({"replicaCount": 2}, {"image": {"name": "x"}}, {"database": "mysql"}, {"replicas": "2"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(values | wrong, schema)
        with pytest.raises(helm_python.HelmError):
            chart.rendered({"secret": SECRETS} | wrong)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"replicas": 2, "secret": SECRETS}, "replicas: SQLite allows one writing process"),
        ({"split": {"enabled": True}, "secret": SECRETS}, "split: SQLite allows one writing process"),
        ({"secret": {"secretKey": "short"}}, "secret.secretKey: give at least 32 characters"),
        ({"secret": SECRETS | {"adminKey": "short"}}, "secret.adminKey: give at least 16 characters"),
        ({"database": "postgresql", "secret": SECRETS}, NEEDED_BY_POSTGRESQL),
        ({"database": "postgresql"}, NEEDED_BY_POSTGRESQL),
        ({"secret": SECRETS, "ingress": {"enabled": True}}, "publicUrl: write the address"),
        ({"secret": SECRETS, "serviceMonitor": {"enabled": True}}, "serviceMonitor.secret: name a Secret"),
        (POSTGRESQL | {"serviceMonitor": {"enabled": True}}, "serviceMonitor.secret: name a Secret"),
        (POSTGRESQL | {"httpRoute": {"enabled": True}}, "httpRoute.parentRefs: name at least one gateway"),
        (POSTGRESQL | {"drainSeconds": 13}, "terminationGracePeriodSeconds: give at least 3 seconds more"),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(values: dict[str, Any], words: str) -> None:
    with pytest.raises(helm_python.HelmError, match=words):
        chart.rendered(values)


@pytest.mark.parametrize(
    ("end", "path"),
    [("", "/"), ("/", "/"), ("/heartbeat", "/heartbeat"), ("/ops/heartbeat/", "/ops/heartbeat")],
)
def test_the_way_in_has_the_path_of_the_public_address(end: str, path: str) -> None:
    values = SETS["everything"] | {"publicUrl": f"https://example.com:8443{end}"}
    (ingress,) = of_kind(values, "Ingress")
    ((way,),) = [rule["http"]["paths"] for rule in ingress["spec"]["rules"]]
    assert (way["path"], way["pathType"]) == (path, "Prefix")
    (route,) = of_kind(values, "HTTPRoute")
    assert route["spec"]["rules"][0]["matches"] == [{"path": {"type": "PathPrefix", "value": path}}]


def test_sqlite_has_one_pod_at_a_time_and_a_volume_that_stays() -> None:
    (deployment,) = of_kind(SETS["sqlite"], "Deployment")
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    (claim,) = of_kind(SETS["sqlite"], "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert of_kind(SETS["sqlite"], "Job") == []


def test_postgresql_never_has_fewer_pods_than_wanted_and_is_migrated_before_an_upgrade() -> None:
    (deployment,) = of_kind(SETS["postgresql"], "Deployment")
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    (job,) = of_kind(SETS["postgresql"], "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    (of_split,) = of_kind(SETS["split"], "Job")
    assert of_split["metadata"]["annotations"]["helm.sh/hook"] == "pre-upgrade", (
        "its Secret is not there before"
    )


@pytest.mark.parametrize("name", SETS)
def test_every_container_is_without_rights_on_a_read_only_root(name: str) -> None:
    pods = [one for one in chart.documents(SETS[name]) if one["kind"] in ("Deployment", "Job", "Pod")]
    for one in pods:
        spec = one["spec"] if one["kind"] == "Pod" else one["spec"]["template"]["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_a_pod_that_is_called_goes_on_serving_when_another_takes_its_place() -> None:
    by_name = {one["metadata"]["name"]: container_of(one) for one in of_kind(SETS["split"], "Deployment")}
    hook = by_name["heartbeat-api"]["lifecycle"]["preStop"]["exec"]["command"]
    assert hook == ["python3", "-c", "import time; time.sleep(5)"]
    assert "lifecycle" not in by_name["heartbeat-checker"]
    assert "lifecycle" not in by_name["heartbeat-pager"]
    (alone,) = of_kind(SETS["sqlite"], "Deployment")
    assert "lifecycle" not in container_of(alone), "nobody takes its place before it is gone"
    (at_once,) = of_kind(POSTGRESQL | {"drainSeconds": 0}, "Deployment")
    assert "lifecycle" not in container_of(at_once)


@pytest.mark.parametrize(("readiness", "path"), [("serving", "/livez"), ("checking", "/readyz")])
def test_a_pod_has_checked_once_before_it_is_called(readiness: str, path: str) -> None:
    (deployment,) = of_kind(POSTGRESQL | {"readiness": readiness, "startupSeconds": 901}, "Deployment")
    container = container_of(deployment)
    assert container["startupProbe"]["httpGet"]["path"] == "/readyz"
    assert container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"] == 902
    assert deployment["spec"]["progressDeadlineSeconds"] > 902
    assert container["readinessProbe"]["httpGet"]["path"] == path
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez", "a restart brings no database back"


def test_a_changed_secret_of_the_chart_exchanges_the_pods_and_one_of_the_operator_is_not_pretended_to() -> (
    None
):
    def mark(values: dict[str, Any]) -> str | None:
        (deployment,) = of_kind(values, "Deployment")
        found: str | None = deployment["spec"]["template"]["metadata"]["annotations"].get("checksum/secret")
        return found

    changed = {"secret": SECRETS | {"adminKey": "another-admin-key-for-tests"}}
    assert mark(SETS["sqlite"]) != mark(changed)
    assert mark(POSTGRESQL) is None
    assert "rollout restart" in chart.rendered(POSTGRESQL)["NOTES.txt"]


def test_a_node_can_be_emptied_although_no_pod_is_ready() -> None:
    for one in of_kind(SETS["split"], "PodDisruptionBudget"):
        assert one["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_a_large_database_is_given_its_time() -> None:
    (job,) = of_kind(POSTGRESQL | {"migrations": {"deadlineSeconds": 3600}}, "Job")
    assert job["spec"]["activeDeadlineSeconds"] == 3600


def test_name_servers_may_be_asked_where_they_are() -> None:
    (policy,) = of_kind(SETS["sqlite"] | {"networkPolicy": {"dnsPorts": [53, 5353]}}, "NetworkPolicy")
    asked = policy["spec"]["egress"][0]["ports"]
    assert [(one["port"], one["protocol"]) for one in asked] == [
        (53, "UDP"),
        (53, "TCP"),
        (5353, "UDP"),
        (5353, "TCP"),
    ]


def test_the_notes_say_what_to_do_next() -> None:
    first = chart.rendered(SETS["sqlite"])["NOTES.txt"]
    assert "logs deployment/heartbeat" in first
    assert "No job is watched yet" in first
    assert "HEARTBEAT_OUTSIDE_URL" in first
    assert "makes the first admin" not in chart.rendered(SETS["sqlite"], again=True)["NOTES.txt"]
    assert "HEARTBEAT_OUTSIDE_URL" not in chart.rendered(SETS["everything"])["NOTES.txt"]
    opened = SETS["everything"] | {"extraEnv": [{"name": "HEARTBEAT_METRICS_OPEN", "value": "on"}]}
    assert "https://heartbeat.example.com:8443/metrics" in chart.rendered(opened)["NOTES.txt"]
    assert "/metrics" not in chart.rendered(SETS["everything"])["NOTES.txt"]


def test_roles_apart_do_all_that_one_does() -> None:
    roles = {
        container["env"][0]["value"]
        for one in of_kind(SETS["split"], "Deployment")
        for container in one["spec"]["template"]["spec"]["containers"]
    }
    assert roles == {"api", "checker", "pager"}
    service = of_kind(SETS["split"], "Service")[0]
    assert service["spec"]["selector"]["app.kubernetes.io/component"] == "api"


def test_an_upgrade_that_forgets_the_configuration_ends_no_watch() -> None:
    bare = POSTGRESQL | {"config": ""}
    assert of_kind(bare, "ConfigMap") == []
    (deployment,) = of_kind(bare, "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    assert {volume["name"] for volume in spec["volumes"]} == {"data", "tmp"}
    assert all(mount["name"] != "config" for mount in spec["containers"][0]["volumeMounts"])


def test_whoever_may_call_the_pod_of_helm_test_always_may() -> None:
    (policy,) = of_kind(SETS["everything"], "NetworkPolicy")
    (rule,) = policy["spec"]["ingress"]
    labels = [peer["podSelector"]["matchLabels"] for peer in rule["from"] if "podSelector" in peer]
    (pod,) = of_kind(SETS["everything"], "Pod")
    assert any(one.items() <= pod["metadata"]["labels"].items() for one in labels)


def test_every_pod_runs_where_it_may() -> None:
    for one in chart.documents(SETS["everything"]):
        if one["kind"] in ("Deployment", "Job", "Pod"):
            spec = one["spec"] if one["kind"] == "Pod" else one["spec"]["template"]["spec"]
            assert spec["tolerations"] == [{"key": "ops", "operator": "Exists"}]
            assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
            assert spec["imagePullSecrets"] == [{"name": "registry"}]


def test_hosts_have_no_port() -> None:
    (route,) = of_kind(SETS["everything"], "HTTPRoute")
    assert route["spec"]["hostnames"] == ["heartbeat.example.com"]


def test_runbooks_are_where_the_operator_says() -> None:
    (rule,) = of_kind(SETS["everything"], "PrometheusRule")
    urls = [
        one["annotations"]["runbook_url"]
        for group in rule["spec"]["groups"]
        for one in group["rules"]
        if "alert" in one
    ]
    assert urls
    assert all(url.startswith("https://example.com/runbooks/Heartbeat") for url in urls)


def test_the_dashboard_is_the_file() -> None:
    maps = {one["metadata"]["name"]: one for one in of_kind(SETS["everything"], "ConfigMap")}
    shown = json.loads(maps["heartbeat-dashboard"]["data"]["heartbeat.json"])
    assert shown == json.loads((CHART / "files/dashboard.json").read_text())


def test_the_chart_is_of_this_release() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = tomllib.loads((chart.ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (about["version"], about["appVersion"]) == (version, version)


def test_pods_may_delete_checks_only_if_a_value_says_so() -> None:
    def arguments(**values: object) -> list[object]:
        documents = chart.documents(SETS["sqlite"] | values)
        pods = [one["spec"]["template"]["spec"] for one in documents if one["kind"] == "Deployment"]
        return [container.get("args") for pod in pods for container in pod["containers"]]

    assert arguments() == [None]
    assert arguments(deleteChecks=True) == [["serve", "--delete"]]


def test_sqlite_needs_no_value_and_makes_its_keys_on_its_volume() -> None:
    (deployment,) = of_kind({}, "Deployment")
    assert container_of(deployment).get("env") is None, (
        "an empty variable or an absent Secret would stop the pod"
    )
    assert of_kind({}, "Secret") == []
    assert of_kind({}, "PersistentVolumeClaim"), "the keys outlive the pod"
    assert "cat /data/secret-key" in chart.rendered({})["NOTES.txt"]
    assert "cat /data/secret-key" not in chart.rendered(SETS["sqlite"])["NOTES.txt"]


def test_a_key_that_is_given_alone_is_used() -> None:
    only_ping_key: dict[str, Any] = {"secret": {"pingKey": "a-ping-key-for-tests"}}
    (deployment,) = of_kind(only_ping_key, "Deployment")
    names = [variable["name"] for variable in container_of(deployment)["env"]]
    assert names == ["HEARTBEAT_PING_KEY"]
    (secret,) = of_kind(only_ping_key, "Secret")
    assert secret["stringData"] == {"ping-key": "a-ping-key-for-tests"}


def test_pods_have_the_ids_of_the_values_or_those_of_the_cluster() -> None:
    def ids(values: dict[str, Any]) -> list[dict[str, Any]]:
        pods = [
            one for one in chart.documents(SETS["split"] | values) if one["kind"] in ("Deployment", "Job")
        ]
        contexts = [one["spec"]["template"]["spec"]["securityContext"] for one in pods]
        return [
            {key: context[key] for key in ("runAsUser", "runAsGroup", "fsGroup") if key in context}
            for context in contexts
        ]

    assert ids({}) == [{"runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001}] * 4
    own = {"user": 1_000_660_000, "group": 0, "volume": 1_000_660_000}
    assert ids({"ids": own}) == [{"runAsUser": 1_000_660_000, "runAsGroup": 0, "fsGroup": 1_000_660_000}] * 4
    assert ids({"ids": {"user": None}}) == [{"runAsGroup": 10001, "fsGroup": 10001}] * 4
    assert ids({"ids": None}) == [{}] * 4

"""What an OCI runtime is told of a container: the image's words and the pod's, put together as the kubelet does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.cluster import seccomp
from tests.e2e.cluster.objects import NotThere, Object, Objects, played

_KNOWN = {
    *("name", "image", "imagePullPolicy", "command", "args", "workingDir", "env", "envFrom", "ports"),
    *("resources", "volumeMounts", "securityContext", "lifecycle"),
    *("startupProbe", "livenessProbe", "readinessProbe"),
}
_MASKED = (
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/sys/firmware",
)
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


@dataclass(frozen=True, slots=True)
class Mount:
    """Something of this machine at a place in a container."""

    source: Path
    destination: str
    read_only: bool = False

    def told(self) -> dict[str, Any]:
        options = ["rbind", "rprivate", "nosuid", "nodev", "ro" if self.read_only else "rw"]
        return {
            "destination": self.destination,
            "type": "bind",
            "source": str(self.source),
            "options": options,
        }


def environment(container: Object, pod: Object, objects: Objects, address: str) -> dict[str, str]:
    """The variables that the pod gives. Raises `NotThere` as the kubelet says CreateContainerConfigError."""
    found = _of_services(pod, objects)
    for whole in container.get("envFrom", []):
        played(whole, ("secretRef", "configMapRef", "prefix"), "envFrom")
        kind, said = (
            ("Secret", whole.get("secretRef"))
            if "secretRef" in whole
            else ("ConfigMap", whole["configMapRef"])
        )
        found |= objects.contents(kind, said["name"])
    for variable in container.get("env", []):
        if "valueFrom" not in variable:
            found[variable["name"]] = expanded(variable.get("value", ""), found)
        elif (value := _value_from(variable["valueFrom"], pod, objects, address)) is not None:
            found[variable["name"]] = value
    return found


def _of_services(pod: Object, objects: Objects) -> dict[str, str]:
    found = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    if pod["spec"].get("enableServiceLinks", True):
        # As Docker's links were; a service "heartbeat" so sets HEARTBEAT_PORT to an address.
        for service in objects.of("Service"):
            name = service["metadata"]["name"].upper().replace("-", "_")
            port = service["spec"]["ports"][0]["port"]
            found |= {f"{name}_SERVICE_PORT": str(port), f"{name}_PORT": f"tcp://10.96.0.9:{port}"}
    return found


def _value_from(source: Object, pod: Object, objects: Objects, address: str) -> str | None:
    (kind,) = source
    said = source[kind]
    if kind == "fieldRef":
        fields = {f"metadata.{name}": pod["metadata"][name] for name in ("name", "namespace")}
        fields["status.podIP"] = address
        return str(fields[said["fieldPath"]])
    owner = {"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}[kind]
    try:
        contents = objects.contents(owner, said["name"])
        if said["key"] not in contents:
            raise NotThere(f"couldn't find key {said['key']} in {owner} {said['name']}")
    except NotThere:
        if said.get("optional"):
            return None
        raise
    return contents[said["key"]]


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` filled in; `$$(NAME)` is kept as `$(NAME)`."""

    def one(found: re.Match[str]) -> str:
        return found[0][1:] if found[0].startswith("$$") else variables.get(found[1], found[0])

    return re.sub(r"\$?\$\((\w+)\)", one, text)


def command(container: Object, image: Mapping[str, Any], variables: Mapping[str, str]) -> list[str]:
    """What is run: a pod's command hides both of the image's, its arguments only the image's arguments."""
    head = container.get("command", image["Entrypoint"])
    rest = container.get("args", [] if "command" in container else image["Cmd"])
    return [expanded(word, variables) for word in (*head, *rest)]


def config(
    container: Object,
    pod: Object,
    *,
    image: Mapping[str, Any],
    root: Path,
    variables: dict[str, str],
    mounts: list[Mount],
    network: Path,
) -> dict[str, Any]:
    """The OCI configuration of a container."""
    played(container, _KNOWN, f"container {container['name']}")
    of_image = dict(word.split("=", 1) for word in image["Env"])
    everything = of_image | {"HOSTNAME": pod["metadata"]["name"]} | variables
    return {
        "ociVersion": "1.0.2",
        "hostname": pod["metadata"]["name"],
        "root": {"path": str(root), "readonly": _safe(container, pod)["readOnlyRootFilesystem"]},
        "process": {
            "args": command(container, image, everything),
            "env": [f"{name}={value}" for name, value in everything.items()],
            "cwd": container.get("workingDir", image["WorkingDir"]),
            "user": _user(pod),
            "capabilities": {},
            "noNewPrivileges": True,
        },
        "mounts": [*_kernel(), *(mount.told() for mount in mounts)],
        "linux": {
            "namespaces": [
                *({"type": kind} for kind in ("pid", "mount", "ipc", "uts")),
                {"type": "network", "path": str(network)},
            ],
            "maskedPaths": list(_MASKED),
            "readonlyPaths": list(_READ_ONLY),
            "seccomp": seccomp.default(),
        },
    }


def _safe(container: Object, pod: Object) -> Object:
    """The container's rights. Only a container without any is played: whoever wants more has to play it."""
    found: Object = container["securityContext"]
    wanted = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert found == wanted, found
    assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    return found


def _user(pod: Object) -> dict[str, Any]:
    said = pod["spec"]["securityContext"]
    played(
        said,
        ("runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy", "seccompProfile"),
        "securityContext",
    )
    assert not (said.get("runAsNonRoot") and said["runAsUser"] == 0), "runAsNonRoot, and the user is root"
    return {"uid": said["runAsUser"], "gid": said["runAsGroup"], "additionalGids": [said["fsGroup"]]}


def _kernel() -> list[dict[str, Any]]:
    bare = ["nosuid", "noexec", "nodev"]
    kinds = [
        ("/proc", "proc", bare),
        ("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        ("/dev/shm", "tmpfs", [*bare, "mode=1777", "size=65536k"]),
        ("/sys", "sysfs", [*bare, "ro"]),
    ]
    return [
        {"destination": where, "type": kind, "source": kind, "options": how} for where, kind, how in kinds
    ]

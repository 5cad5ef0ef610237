"""One pod, run by an OCI runtime as the kubelet would have it: its volumes, probes, signals and end."""

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.cluster import container, probe, volumes
from tests.e2e.cluster.container import Mount
from tests.e2e.cluster.network import NODE, Network
from tests.e2e.cluster.objects import Object, Objects, played
from tests.e2e.cluster.probe import Probe

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_KNOWN = {
    *("restartPolicy", "serviceAccountName", "automountServiceAccountToken", "enableServiceLinks"),
    *("terminationGracePeriodSeconds", "securityContext", "containers", "volumes"),
    # Where it runs is decided before a kubelet hears of it, and the image is here already.
    *("topologySpreadConstraints", "affinity", "nodeSelector", "tolerations", "priorityClassName"),
    "imagePullSecrets",
}
# The runtime knows no machine that has both sorts of cgroups: it is shown one sort, and told to leave it alone.
_RUNTIME = (
    "umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && "
    'exec crun --cgroup-manager=disabled --root "$@"'
)


@dataclass(frozen=True)
class Machine:
    """Where pods run: the image that is here, unpacked, and what it says of itself."""

    home: Path
    network: Network
    objects: Objects
    image: str
    root: Path
    told: Mapping[str, Any]
    resolver: str
    """The text of each pod's /etc/resolv.conf."""

    def runtime(self, *arguments: str | Path) -> list[str]:
        words = ["unshare", "--mount", "sh", "-c", _RUNTIME, "sh", self.home / "crun", *arguments]
        return [str(word) for word in words]


class Pod:
    """A pod of one container."""

    def __init__(self, manifest: Object, machine: Machine) -> None:
        self.manifest = manifest
        self.name: str = manifest["metadata"]["name"]
        self.labels: dict[str, str] = manifest["metadata"].get("labels", {})
        self.spec: dict[str, Any] = manifest["spec"]
        played(self.spec, _KNOWN, f"pod {self.name}")
        assert self.spec["automountServiceAccountToken"] is False, "no token is made here"
        (self.container,) = self.spec["containers"]
        self.address = machine.network.join(self.name)
        self.terminating = False
        self.condemned = ""
        """Why the kubelet would have restarted the container."""
        self.started_after = 0.0
        """Seconds until the startup probe succeeded."""
        self.most_memory = 0
        """The most bytes that its first process has used."""
        owner = self.spec["securityContext"]
        self._owner = f"{owner['runAsUser']}:{owner['runAsGroup']}"
        self._machine = machine
        self._home = machine.home / "pods" / self.name
        self._probes = {kind: one for kind in PROBES if (one := probe.read(self.container, kind))}
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def ready(self) -> bool:
        """Whether its readiness probe says so."""
        return self._verdict("readinessProbe") is True and self.running()

    @property
    def alive(self) -> bool:
        """Whether its liveness probe was ever asked and does not say otherwise."""
        return self._verdict("livenessProbe") is True

    def start(self, changed: Callable[[], None]) -> None:
        """Begin; `changed` is called whenever its readiness changes. Raises `NotThere`."""
        machine, bundle = self._machine, self._home / "bundle"
        machine.objects.get("ServiceAccount", self.spec.get("serviceAccountName", "default"))
        assert self.container["image"] == machine.image, f"ErrImagePull: {self.container['image']}"
        told = container.config(
            self.container,
            self.manifest,
            image=machine.told,
            root=machine.root,
            variables=container.environment(self.container, self.manifest, machine.objects, self.address),
            mounts=self._mounts(),
            network=machine.network.path(self.name),
        )
        bundle.mkdir(parents=True)
        (bundle / "config.json").write_text(json.dumps(told))
        run = machine.runtime("run", "--bundle", bundle, "--pid-file", self._home / "pid", self.name)
        with (self._home / "log").open("wb") as log:
            self._process = subprocess.Popen(run, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._watch(changed)

    def asked(self) -> int:
        """How often its readiness probe has been asked."""
        return self._probes["readinessProbe"].asked

    def budget(self) -> float:
        """Seconds within which it has to be ready, by its own probes."""
        return sum(one.budget for kind, one in self._probes.items() if kind != "livenessProbe")

    def log(self) -> str:
        """What it has said."""
        path = self._home / "log"
        return path.read_text(errors="replace") if path.exists() else "(never started)"

    def wait(self, bound: float) -> int:
        """The status with which it ends by itself."""
        assert self._process is not None
        return self._process.wait(bound)

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """One more command in its container, as by `kubectl exec`."""
        told = self._machine.runtime("exec", "--user", self._owner, self.name, *command)
        return subprocess.run(told, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def stop(self) -> tuple[int, float]:
        """End it as a deletion does: the status, and the seconds that it took. 137 is the kubelet's SIGKILL."""
        began, grace = time.monotonic(), float(self.spec.get("terminationGracePeriodSeconds", 30))
        self._before_stop()
        self._read_memory()
        self._send(signal.SIGTERM)
        try:
            status = self.wait(max(2.0, grace - (time.monotonic() - began)))
        except subprocess.TimeoutExpired:
            self._send(signal.SIGKILL)
            status = self.wait(10)
        self._end_probes()
        return status, time.monotonic() - began

    def end(self) -> None:
        """Leave nothing of it."""
        self._over.set()
        if self.running():
            self._send(signal.SIGKILL)
            self.wait(10)
        self._end_probes()
        self._machine.network.leave(self.name)

    def _end_probes(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _before_stop(self) -> None:
        hook = self.container.get("lifecycle", {})
        played(hook, ("preStop",), "lifecycle")
        if hook:
            played(hook["preStop"], ("exec",), "preStop")
            done = self.run(*hook["preStop"]["exec"]["command"])
            assert done.returncode == 0, f"FailedPreStopHook: {done.stdout}{done.stderr}"

    def _send(self, sent: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._number(), sent)

    def _number(self) -> int:
        return int((self._home / "pid").read_text())

    def _read_memory(self) -> None:
        for line in Path(f"/proc/{self._number()}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                self.most_memory = int(line.split()[1]) * 1024

    def _mounts(self) -> list[Mount]:
        machine, group = self._machine, self.spec["securityContext"]["fsGroup"]
        places = {
            volume["name"]: volumes.made(
                volume,
                self._home / "volumes" / volume["name"],
                machine.home / "claims",
                machine.objects,
                group,
            )
            for volume in self.spec.get("volumes", [])
        }
        found = []
        for mount in self.container.get("volumeMounts", []):
            played(mount, ("name", "mountPath", "readOnly"), "volumeMount")
            found.append(Mount(places[mount["name"]], mount["mountPath"], mount.get("readOnly", False)))
        return [*found, *self._of_image({mount.destination for mount in found}), *self._of_kubelet()]

    def _of_image(self, taken: set[str]) -> list[Mount]:
        """A volume that the image asks for and the pod does not name is one that the runtime makes."""
        owner = self.spec["securityContext"]["runAsUser"]
        found = []
        for place in sorted(set(self._machine.told["Volumes"]) - taken):
            made = self._home / "anonymous" / place.strip("/")
            made.mkdir(parents=True)
            os.chown(made, owner, owner)
            found.append(Mount(made, place))
        return found

    def _of_kubelet(self) -> list[Mount]:
        texts = {
            "hosts": f"127.0.0.1\tlocalhost\n{self.address}\t{self.name}\n",
            "hostname": f"{self.name}\n",
            "resolv.conf": self._machine.resolver,
        }
        self._home.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (self._home / name).write_text(text)
        return [Mount(self._home / name, f"/etc/{name}") for name in texts]

    def _verdict(self, kind: str) -> bool | None:
        # Without a probe the kubelet is content.
        return self._probes[kind].verdict if kind in self._probes else True

    def _watch(self, changed: Callable[[], None]) -> None:
        for kind in self._probes:
            thread = threading.Thread(target=self._tend, args=(kind, changed), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _tend(self, kind: str, changed: Callable[[], None]) -> None:
        began, one = time.monotonic(), self._probes[kind]
        while kind != "startupProbe" and self._verdict("startupProbe") is not True:
            if self._over.wait(0.05):
                return
        one.begin(time.monotonic())
        while not self._over.wait(max(0.0, one.due - time.monotonic())):
            before = one.verdict
            one.took(self._answers(one), time.monotonic())
            if kind == "startupProbe" and one.verdict is True:
                self.started_after = time.monotonic() - began
                return
            if kind != "readinessProbe" and one.verdict is False:
                self.condemned = f"{kind} failed {one.failures} times"
            if kind == "readinessProbe" and one.verdict is not before:
                changed()

    def _answers(self, one: Probe) -> bool:
        with self._machine.network.within(NODE):
            asking = http.client.HTTPConnection(self.address, one.port, timeout=one.timeout)
            try:
                asking.request("GET", one.path, headers={"User-Agent": "kube-probe/1.33"})
                return 200 <= asking.getresponse().status < 400
            except (OSError, http.client.HTTPException):
                return False
            finally:
                asking.close()


def of(template: Object, name: str, namespace: str) -> Object:
    """The pod that a Deployment or a Job makes of its template."""
    about = template.get("metadata", {})
    return {
        "kind": "Pod",
        "metadata": about | {"name": name, "namespace": namespace},
        "spec": template["spec"],
    }

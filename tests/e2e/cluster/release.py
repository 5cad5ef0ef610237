"""Helm's part: what the chart makes is put in place in Helm's order, hooks before and tests after."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Lock
from typing import Any, Self
from uuid import uuid4

import httpx
import yaml

from tests.e2e.cluster import pod, probe, rules
from tests.e2e.cluster.network import OUTSIDE
from tests.e2e.cluster.objects import NotThere, Object, matches
from tests.e2e.cluster.pod import Machine, Pod
from tests.e2e.patience import eventually, pass_time
from tests.unit.deployment import chart

PROXY_LAG = 2.0
"""Seconds for which a pod that is being deleted is still called: whoever leads to pods hears of it later than the
kubelet does."""
HOOK_BOUND = 60.0


class Release:
    """One release of the chart on one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.pods: list[Pod] = []
        self.said: list[str] = []
        """What has been done, in order."""
        self.took: dict[str, float] = {}
        """Seconds that each deleted pod took to end."""
        self.addresses: dict[str, str] = {}
        self._ruling = Lock()
        self._values: Mapping[str, Any] = {}
        self._left: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in list(self.pods):
            self._gone(one)

    def install(self, values: Mapping[str, Any], *, again: bool = False) -> None:
        """`helm install --wait`, or `helm upgrade --install --wait`."""
        before, after = ("pre-upgrade", "post-upgrade") if again else ("pre-install", "post-install")
        manifests = list(_manifests(values, again=again))
        self._hooks(manifests, before)
        for one in manifests:
            if not _hook(one):
                self.machine.objects.put(one)
        for service in self.machine.objects.of("Service"):
            self.addresses.setdefault(service["metadata"]["name"], f"10.96.0.{len(self.addresses) + 10}")
        self.sync()
        for deployment in self.machine.objects.of("Deployment"):
            self._roll_out(deployment)
        self._hooks(manifests, after)
        self.said.append("upgraded" if again else "installed")
        self._values = values

    def test(self) -> str:
        """`helm test --logs`. Raises `NotThere` where the pods are deleted before their logs are asked for."""
        manifests = list(_manifests(self._values, again=False))
        self._hooks(manifests, "test")
        names = [one["metadata"]["name"] for one in manifests if "test" in _hook(one)]
        for name in names:
            if name not in self._left:
                raise NotThere(f'unable to get pod logs for {name}: pods "{name}" not found')
        return "".join(self._left[name] for name in names)

    def scrape(self) -> dict[str, httpx.Response]:
        """What a Prometheus gets by the ServiceMonitors, by the name of each pod that it finds."""
        objects, found = self.machine.objects, {}
        for monitor in objects.of("ServiceMonitor"):
            services = [
                one
                for one in objects.of("Service")
                if matches(monitor["spec"]["selector"], one["metadata"]["labels"])
            ]
            (endpoint,) = monitor["spec"]["endpoints"]
            key = endpoint["authorization"]["credentials"]
            bearer = objects.contents("Secret", key["name"])[key["key"]]
            for service in services:
                (port,) = (one for one in service["spec"]["ports"] if one["name"] == endpoint["port"])
                for one in rules.endpoints(service, self.pods):
                    url = f"http://{one.address}:{probe.port(one.container, port['targetPort'])}{endpoint['path']}"
                    with self.machine.network.within(OUTSIDE):
                        found[one.name] = httpx.get(url, headers={"Authorization": f"Bearer {bearer}"})
        return found

    def of(self, deployment: str) -> list[Pod]:
        """The pods of a deployment that are not on their way out."""
        return [one for one in self.pods if one.name.startswith(f"{deployment}-") and not one.terminating]

    def sync(self) -> None:
        """Let the Services and the policies follow the pods."""
        services = {
            self.addresses[service["metadata"]["name"]]: service
            for service in self.machine.objects.of("Service")
            if service["metadata"]["name"] in self.addresses
        }
        policies = self.machine.objects.of("NetworkPolicy")
        with self._ruling:
            self.machine.network.rule(rules.text(services, policies, list(self.pods)))

    def delete(self, one: Pod) -> int:
        """A pod is deleted: the status with which it ends."""
        with ThreadPoolExecutor(1) as kubelet:
            ending = kubelet.submit(one.stop)
            pass_time(PROXY_LAG)
            one.terminating = True
            self.sync()
            status, self.took[one.name] = ending.result()
        self.said.append(f"{one.name} ended with {status}")
        self._gone(one)
        return status

    def _roll_out(self, deployment: Object) -> None:
        name, spec = deployment["metadata"]["name"], deployment["spec"]
        version = sha256(yaml.safe_dump(spec["template"]).encode()).hexdigest()[:8]
        old = [one for one in self.of(name) if not one.name.startswith(f"{name}-{version}-")]
        if spec["strategy"]["type"] == "Recreate":
            for one in old:
                assert self.delete(one) == 0
            old = []
        else:
            assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        while missing := spec["replicas"] - len(self.of(name)) + len(old):
            # With old ones there, one new pod at a time, and an old one goes when the new one is ready.
            started = [
                self._create(spec["template"], f"{name}-{version}") for _ in range(1 if old else missing)
            ]
            for one in started:
                self._await_ready(one)
            if old:
                assert self.delete(old.pop(0)) == 0

    def _create(self, template: Object, name: str) -> Pod:
        made = pod.of(template, f"{name}-{uuid4().hex[:5]}", self.machine.objects.namespace)
        self.said.append(f"{made['metadata']['name']} began")
        return self._begin(made)

    def _begin(self, manifest: Object) -> Pod:
        one = Pod(manifest, self.machine)
        self.pods.append(one)
        self.sync()
        one.start(self.sync)
        return one

    def _await_ready(self, one: Pod) -> None:
        def ready() -> bool:
            assert one.running(), f"CrashLoopBackOff: {one.log()}"
            assert not one.condemned, f"{one.condemned}: {one.log()}"
            return one.ready

        eventually(ready, within=one.budget(), what=f"{one.name} to be ready")

    def _hooks(self, manifests: list[Object], event: str) -> None:
        due = [one for one in manifests if event in _hook(one)]
        for one in sorted(due, key=_weight):
            self._run(one)

    def _run(self, hook: Object) -> None:
        """A hook that runs to its end, which must be good."""
        assert hook["kind"] in ("Job", "Pod"), f"hooks of the kind {hook['kind']} are not played here"
        name, namespace = hook["metadata"]["name"], self.machine.objects.namespace
        manifest = hook | {"metadata": hook["metadata"] | {"namespace": namespace}}
        if hook["kind"] == "Job":
            manifest = pod.of(hook["spec"]["template"], f"{name}-{uuid4().hex[:5]}", namespace)
        self.said.append(f"{name} began")
        one = self._begin(manifest)
        status = one.wait(HOOK_BOUND)
        said = one.log()
        self.said.append(f"{name} ended with {status}")
        self._gone(one)
        assert status == 0, said
        if "hook-succeeded" not in hook["metadata"]["annotations"].get("helm.sh/hook-delete-policy", ""):
            self._left[name] = said

    def _gone(self, one: Pod) -> None:
        # pytest shows this where a test has failed.
        print(f"--- {one.name} said:\n{one.log()}")
        one.end()
        self.pods.remove(one)
        self.sync()


def _manifests(values: Mapping[str, Any], *, again: bool) -> Iterator[Object]:
    yield from chart.documents(dict(values), again=again)


def _hook(one: Object) -> list[str]:
    said: str = one["metadata"].get("annotations", {}).get("helm.sh/hook", "")
    return said.split(",") if said else []


def _weight(one: Object) -> tuple[int, str]:
    return int(one["metadata"]["annotations"].get("helm.sh/hook-weight", "0")), one["metadata"]["name"]

"""Services and network policies as rules for nft, in the way of kube-proxy and of a network plugin.

Addresses of Services are replaced before anything is passed on, so a policy sees a pod's address and port, as it does
in a cluster. Names of ports are looked up in the pod that is called.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from tests.e2e.cluster import probe
from tests.e2e.cluster.objects import Object, matches, played
from tests.e2e.cluster.pod import Pod


def text(services: Mapping[str, Object], policies: Sequence[Object], pods: Sequence[Pod]) -> str:
    """The node's rules. `services` by the address of each."""
    lines = [
        "table ip cluster {",
        " chain serve { type nat hook prerouting priority -100; policy accept;",
        *(f"  {line}" for address, one in services.items() for line in _served(address, one, pods)),
        " }",
        " chain guard { type filter hook forward priority 0; policy accept;",
        "  ct state established,related accept",
        *(
            f"  ip saddr {one.address} jump out_{n}"
            for n, one in enumerate(pods)
            if _held(one, policies, "Egress")
        ),
        *(
            f"  ip daddr {one.address} jump in_{n}"
            for n, one in enumerate(pods)
            if _held(one, policies, "Ingress")
        ),
        " }",
    ]
    chains = []
    for n, one in enumerate(pods):
        for kind, chain in (("Egress", f"out_{n}"), ("Ingress", f"in_{n}")):
            chains += [f" chain {chain} {{", *_chain(one, kind, policies, pods), " }"]
    # A chain must be known before it is named.
    return "\n".join([lines[0], *chains, *lines[1:], "}"]) + "\n"


def endpoints(service: Object, pods: Iterable[Pod]) -> list[Pod]:
    """To whom a Service leads."""
    spec = service["spec"]
    return [
        one
        for one in pods
        if matches({"matchLabels": spec["selector"]}, one.labels)
        and (spec.get("publishNotReadyAddresses") or (one.ready and not one.terminating))
    ]


def _served(address: str, service: Object, pods: Sequence[Pod]) -> Iterator[str]:
    found = endpoints(service, pods)
    if not found or service["spec"].get("clusterIP") == "None":
        return
    for said in service["spec"]["ports"]:
        ports = [probe.port(one.container, said["targetPort"]) for one in found]
        chosen = ", ".join(f"{n} : {one.address} . {ports[n]}" for n, one in enumerate(found))
        yield f"ip daddr {address} tcp dport {said['port']} dnat to numgen random mod {len(found)} map {{ {chosen} }}"


def _held(one: Pod, policies: Iterable[Object], kind: str) -> list[Object]:
    return [
        policy
        for policy in policies
        if kind in policy["spec"]["policyTypes"] and matches(policy["spec"]["podSelector"], one.labels)
    ]


def _chain(one: Pod, kind: str, policies: Sequence[Object], pods: Sequence[Pod]) -> Iterator[str]:
    for policy in _held(one, policies, kind):
        played(policy["spec"], ("podSelector", "policyTypes", "ingress", "egress"), "NetworkPolicy")
        for rule in policy["spec"].get(kind.lower(), []):
            for peer in rule.get("to" if kind == "Egress" else "from", [{}]):
                yield from _allowed(one, kind, peer, rule.get("ports"), pods)
    yield "  reject with icmp type admin-prohibited"


def _allowed(
    one: Pod, kind: str, peer: Object, ports: Sequence[Object] | None, pods: Sequence[Pod]
) -> Iterator[str]:
    side = "ip daddr" if kind == "Egress" else "ip saddr"
    if "podSelector" in peer and "namespaceSelector" not in peer:
        others = [other for other in pods if matches(peer["podSelector"], other.labels)]
        for other in others:
            for port in _ports(ports, other if kind == "Egress" else one):
                yield f"  {side} {other.address} {port} return"
    elif "ipBlock" in peer or not peer:
        played(peer.get("ipBlock", {}), ("cidr",), "ipBlock")
        network = f"{side} {peer['ipBlock']['cidr']}" if peer else ""
        for port in _ports(ports, one):
            yield f"  {network} {port} return"
    # Other namespaces hold nobody here.


def _ports(said: Sequence[Object] | None, called: Pod) -> Iterator[str]:
    if said is None:
        yield ""
        return
    for port in said:
        played(port, ("port", "protocol"), "NetworkPolicyPort")
        # A pod that has no port of that name has nothing there that could be called.
        with suppress(LookupError):
            yield f"{port['protocol'].lower()} dport {probe.port(called.container, port['port'])}"

"""The profile `RuntimeDefault`, as Debian's container packages carry it, for a container without capabilities."""

import json
import platform
from pathlib import Path
from typing import Any

PROFILE = Path("/usr/share/containers/seccomp.json")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def default() -> dict[str, Any]:
    """What an OCI runtime is told of system calls."""
    given = json.loads(PROFILE.read_text())
    machine = _ARCHITECTURES[platform.machine()]
    native = {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64"}[machine]
    (ours,) = (one for one in given["archMap"] if one["architecture"] == native)
    return {
        "defaultAction": given["defaultAction"],
        "defaultErrnoRet": given["defaultErrnoRet"],
        "architectures": [native, *ours["subArchitectures"]],
        "syscalls": [_rule(one) for one in given["syscalls"] if _applies(one, machine)],
    }


def _applies(rule: dict[str, Any], machine: str) -> bool:
    needs, bars = rule["includes"], rule["excludes"]
    # Without capabilities nothing that needs one is allowed, and nothing is barred for having one.
    return not needs.get("caps") and machine in needs.get("arches", [machine]) and not bars.get("arches")


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    found = {"names": rule["names"], "action": rule["action"], "args": rule["args"] or []}
    if "errnoRet" in rule:
        found["errnoRet"] = rule["errnoRet"]
    return found

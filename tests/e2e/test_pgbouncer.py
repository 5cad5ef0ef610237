"""The service behind PgBouncer in transaction mode, where no session is one's own."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import make_url as parsed

from tests.e2e import ledger
from tests.e2e.conftest import Serve
from tests.e2e.load import Load
from tests.e2e.patience import eventually
from tests.e2e.phone import Phone
from tests.e2e.postgres import Postgres
from tests.e2e.service import configuration, free_port

pytestmark = pytest.mark.e2e

SETTINGS = """
[databases]
* = host={socket} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
"""


def test_pings_and_pages_go_through_pgbouncer(serve: Serve, phone: Phone, postgres_server: Postgres) -> None:
    checks = {f"job-{n}": "every: 1h" for n in range(50)} | {"silent": "every: 2s, grace: 1s"}
    direct = postgres_server.database()
    with _pgbouncer(postgres_server) as port:
        url = parsed(direct).set(host="127.0.0.1", port=port, query={}).render_as_string(hide_password=False)
        text = configuration(checks, ['{webhook: "${PHONE}"}'])
        service = serve(text, HEARTBEAT_DATABASE_URL=url, **phone.webhook).start()
        uuids = {one["slug"]: one["uuid"] for one in service.get("/v1/checks?limit=200")["checks"]}
        del uuids["silent"]
        with Load(service.port, uuids, connections=16) as load:
            phone.await_kind("page")
            load.await_more(load.acknowledged, 300)
        assert (load.refused, load.broken) == ([], 0)
        assert service.sigterm() < 10
        ledger.reconcile(direct, load)
        assert service.process.returncode == 0
    assert "prepared statement" not in service.output()


@contextmanager
def _pgbouncer(postgres: Postgres) -> Iterator[int]:
    """A PgBouncer in front of the server; its port."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert program, "pgbouncer is missing: apt-get install pgbouncer"
    port = free_port()
    settings = postgres.home / "pgbouncer.ini"
    settings.write_text(SETTINGS.format(socket=postgres.socket_directory, port=port))
    settings.chmod(0o644)
    log = postgres.home / "pgbouncer.log"
    with log.open("w") as said:
        process = subprocess.Popen(
            [program, str(settings)], user=postgres.system_user, cwd="/", stdout=said, stderr=said
        )
    try:
        eventually(lambda: "process up" in log.read_text(), within=20, what="PgBouncer")
        yield port
    finally:
        process.terminate()
        process.wait(20)
        print(log.read_text())

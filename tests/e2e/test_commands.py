"""The commands that an operator uses beside `serve`, as real processes."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from subprocess import CompletedProcess

import jsonschema
import pytest
import yaml

from tests.e2e.conftest import Serve
from tests.e2e.phone import Phone
from tests.e2e.service import PING_KEY, Service, configuration

pytestmark = pytest.mark.e2e

CONTACT = ['{webhook: "${PHONE}"}']
FIRST = configuration({"nightly": "every: 1d, grace: 15m"}, CONTACT)
SECOND = configuration({"nightly": "every: 1d, grace: 20m", "hourly": "every: 1h"}, CONTACT)
LOCAL_LINKS = "warning: Links in pages begin with http://127.0.0.1:"
"""The service is on a loopback address here, and heartbeat cannot know where the webhook of its contact leads."""
WRONG = SECOND.replace("grace: 20m", "grace: 15x").replace("page: first", "page: frist")


def faults(command: CompletedProcess[str]) -> list[str]:
    """What a command says is wrong."""
    return [line for line in command.stderr.splitlines() if not line.startswith(LOCAL_LINKS)]


def test_apply_plan_and_export_agree(serve: Serve, phone: Phone) -> None:
    service = serve(FIRST, **phone.webhook)
    applied = service.command("apply")
    assert (applied.returncode, faults(applied)) == (0, [])
    assert "+ check nightly" in applied.stdout

    file = service.home / "heartbeat.yaml"
    file.write_text(SECOND)
    planned = service.command("plan")
    assert planned.returncode == 2
    assert [line[0] for line in planned.stdout.splitlines()] == ["~", "+"]
    changes, _, rest = service.command("apply").stdout.partition("\n\n")
    assert f"{changes}\n" == planned.stdout
    expectation, crontab = rest.splitlines()
    assert expectation.startswith("hourly must ping by ")
    assert crontab == "The lines that ping them: heartbeat crontab"
    lines = service.command("crontab").stdout
    assert "# hourly: every hour" in lines
    assert PING_KEY not in lines

    offline = service.command("plan", "--offline")
    assert offline.returncode == 0
    assert offline.stdout.startswith(
        "heartbeat.yaml is valid: 2 checks, 1 person, 1 policy and 0 status pages."
    )
    exported = service.command("export")
    assert exported.returncode == 0
    assert phone.webhook["PHONE"] not in exported.stdout
    file.write_text(exported.stdout)
    same = service.command("plan")
    assert (same.returncode, same.stdout) == (0, "Nothing would change.\n")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_apply_beside_a_server(kind: str, serve: Serve, phone: Phone, make_url: Callable[[str], str]) -> None:
    service = serve(FIRST, HEARTBEAT_DATABASE_URL=make_url(kind), **phone.webhook).start()
    (service.home / "heartbeat.yaml").write_text(WRONG)
    refused = service.command("apply")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert faults(refused)[0].startswith("heartbeat.yaml:5: ")
    assert service.ask("GET", "/v1/checks/hourly").status_code == 404

    (service.home / "heartbeat.yaml").write_text(SECOND)
    applied = service.command("apply")
    assert (applied.returncode, faults(applied)) == (0, [])
    assert "+ check hourly" in applied.stdout
    assert service.get("/v1/checks/hourly")["state"] == "new"
    assert service.ping("hourly").text == "OK"


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_check_that_pinged_is_deleted_only_with_a_word(
    kind: str, serve: Serve, phone: Phone, make_url: Callable[[str], str]
) -> None:
    service = serve(SECOND, HEARTBEAT_DATABASE_URL=make_url(kind), **phone.webhook).start()
    assert service.ping("hourly").text == "OK"
    (service.home / "heartbeat.yaml").write_text(FIRST)
    for _ in ("beside a server", "alone"):
        refused = service.command("apply")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert faults(refused)[0].startswith(
            "Nothing was changed. This would delete 1 check that pinged before, with its history: hourly."
        )
        service.sigterm()
    service.start()
    assert "This would delete 1 check that pinged before" in service.output()
    assert service.get("/v1/checks/hourly")["pings"] == 1
    assert "- check hourly" in service.command("apply", "--delete").stdout
    assert service.ask("GET", "/v1/checks/hourly").status_code == 404


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 1)])
def test_a_person_at_the_terminal_is_asked_before_a_check_is_deleted(
    answer: str, status: int, serve: Serve, phone: Phone
) -> None:
    service = serve(SECOND, **phone.webhook).start()
    assert service.ping("hourly").text == "OK"
    service.sigterm()
    (service.home / "heartbeat.yaml").write_text(FIRST)
    ended, text = at_a_terminal(service, f"{answer}\n", "apply")
    question = text[text.index("This would delete") :]
    assert question.startswith(
        "This would delete 1 check that pinged before, with its history: hourly. To keep it"
    )
    assert "Delete now? [y/N]" in question
    assert ended == status
    assert text.count("Nothing was changed.") == (answer == "n")
    assert ("- check hourly" in text) == (answer == "y")


def at_a_terminal(service: Service, typed: str, *arguments: str) -> tuple[int, str]:
    """Run a command at a terminal where somebody types. Return its exit status and what it shows."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "heartbeat", *arguments]
    with subprocess.Popen(
        command, cwd=service.home, env=service.environment, stdin=its, stdout=its, stderr=its
    ) as process:
        os.close(its)
        os.write(ours, typed.encode())
        shown = b""
        with suppress(OSError):  # The other end of a terminal is closed with an error.
            while part := os.read(ours, 4096):
                shown += part
    os.close(ours)
    return process.returncode, shown.decode().replace("\r\n", "\n")


def test_a_wrong_configuration_is_told_line_by_line(serve: Serve, phone: Phone) -> None:
    service = serve(WRONG, **phone.webhook)
    for command in ("plan", "serve"):
        told = service.command(command)
        assert (told.returncode, told.stdout) == (1, ""), command
        policy, check = told.stderr.splitlines()
        assert policy == (
            "heartbeat.yaml:5: policies.ops[0].page: "
            "there is no person, rotation, team or channel 'frist'; did you mean 'first'?"
        )
        assert check == (
            "heartbeat.yaml:7: checks.nightly.grace: '15x' is not a duration; write for example 15m, 2h or 1d."
        )


def test_a_second_server_is_refused_in_clear_words(serve: Serve) -> None:
    first = serve().start()
    same_file = serve(name="same-file", HEARTBEAT_DATA_DIR=str(first.home / "data")).command("serve")
    assert same_file.returncode == 1
    assert f"is already in use by process {first.process.pid} at {first.url}" in same_file.stderr
    same_port = serve(name="same-port", HEARTBEAT_PORT=str(first.port)).command("serve")
    assert same_port.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{first.port}: Address already in use." in same_port.stderr
    assert "HEARTBEAT_PORT" in same_port.stderr
    for refused in (same_file, same_port):
        assert len(refused.stderr.splitlines()) == 1
        assert refused.stdout == ""
    assert first.ping("nobody").status_code == 404


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:9/x", "sqlite:////no/such/directory/x.db"])
def test_a_database_that_is_not_there_is_told_in_words(url: str, serve: Serve) -> None:
    told = serve(HEARTBEAT_DATABASE_URL=url).command("serve")
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith("The database cannot be reached: ")
    assert "Traceback" not in told.stderr


def test_the_schema_knows_right_from_wrong(serve: Serve) -> None:
    printed = serve().command("schema")
    assert printed.returncode == 0
    jsonschema.validate(yaml.safe_load(SECOND), json.loads(printed.stdout))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(WRONG), json.loads(printed.stdout))


def test_a_test_page_says_what_happened_at_each_contact(serve: Serve, phone: Phone) -> None:
    contacts = [*CONTACT, f"{{ntfy: {phone.url}/topic}}", '{webhook: "${NOBODY}"}']
    service = serve(configuration({}, contacts), NOBODY="http://127.0.0.1:9/", **phone.webhook)
    assert service.command("apply").returncode == 0
    told = service.command("test-page", "first")
    assert told.returncode == 1
    by_webhook, by_ntfy, by_nobody, last = told.stdout.splitlines()
    assert by_webhook.startswith("First responder by webhook: accepted")
    assert by_ntfy.startswith("First responder by ntfy: accepted")
    assert by_nobody.startswith("First responder by webhook: NOT REACHED: connection refused")
    assert last == "Press “I got it” in the page. The console then shows the proof, with its date."
    # Both contacts are rung at the same time.
    assert {call.said.get("type", call.said.get("topic")) for call in phone.calls} == {"page.test", "topic"}
    assert service.command("test-page", "nobody").stderr == (
        "There is no person 'nobody'. Choose one of: first, operator.\n"
    )


def test_without_a_configuration_commands_say_where_it_would_be(serve: Serve) -> None:
    told = serve().command("apply")
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == "There is no configuration at heartbeat.yaml. Create it, or set HEARTBEAT_CONFIG.\n"


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_doctor_examines_what_is_served(
    kind: str, serve: Serve, phone: Phone, make_url: Callable[[str], str]
) -> None:
    outside = {"HEARTBEAT_OUTSIDE_URL": phone.url, "HEARTBEAT_ADMIN_KEY": "4f1c0a9be2d86537aa10c4e2"}
    service = serve(FIRST, HEARTBEAT_DATABASE_URL=make_url(kind), **phone.webhook, **outside).start()
    well = service.command("doctor", "--json", "--send")
    found = {(one["weight"], one["subject"]) for one in json.loads(well.stdout)["findings"]}
    assert {
        ("ok", "serving"),
        ("ok", "database"),
        ("ok", "configuration"),
        ("ok", "first by webhook"),
    } <= found
    assert not [one for one in found if one[0] == "bad"], well.stdout
    assert ("ok", "PostgreSQL") in found or kind == "sqlite"
    # The outside heartbeat calls the same phone.
    assert any(call.said.get("type") == "page.test" for call in phone.calls)

    (service.home / "heartbeat.yaml").write_text(WRONG)
    service.sigterm()
    unwell = service.command("doctor")
    assert unwell.returncode == 2
    assert "bad   serving: " in unwell.stdout
    assert "bad   configuration: heartbeat.yaml:5: " in unwell.stdout
    for secret in (phone.webhook["PHONE"], outside["HEARTBEAT_ADMIN_KEY"]):
        assert secret not in well.stdout + unwell.stdout + well.stderr + unwell.stderr


def test_a_first_setup_is_told_what_it_can_do_without_a_database(serve: Serve, phone: Phone) -> None:
    service = serve(FIRST, **phone.webhook)
    planned, listed = service.command("plan"), service.command("crontab")
    assert (planned.returncode, listed.returncode) == (1, 1)
    assert "yet: check the file alone with heartbeat plan --offline, or run" in faults(planned)[-1]
    assert "yet: run heartbeat apply first" in faults(listed)[-1]

"""Alertmanager on the wire: alerts to every peer, their identity and their end."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.alertmanager import DESCRIPTION_LIMIT, Alertmanager
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Reteller, Unreachable

from .loopback import Provider, Serve

Sending = Callable[..., Awaitable[Outcome]]


@pytest.fixture
async def peers(serve: Serve) -> list[Provider]:
    """Three Alertmanagers, which take everything until they are told otherwise."""
    peers = [Provider() for _ in range(3)]
    for peer in peers:
        peer.answers(200)
        peer.url = f"http://127.0.0.1:{await serve(peer.talk)}"
    return peers


@pytest.fixture
def outcome(http: httpx.AsyncClient, peers: list[Provider], notice: Notice) -> Sending:
    """Send the notice, changed as a test says, to all peers."""

    async def send(**changes: Any) -> Outcome:
        contact = Contact("alertmanager", " ".join(f"{peer.url}/" for peer in peers))
        return await Alertmanager.configured({}, http).send(replace(notice, **changes), contact)

    return send


async def test_what_is_on_the_wire(peers: list[Provider], outcome: Sending) -> None:
    assert await outcome() == Accepted("3 of 3 peers")
    alert = {
        "labels": {"alertname": "heartbeat", "incident": "heartbeat/17", "severity": "critical"},
        "annotations": {
            "summary": "CRITICAL us-housekeeping: 4 of 11 jobs silent",
            "description": "daily-cpu-reset due 03:00, last heard 02 May 03:01 (24 h ago)\n"
            "7 jobs on the host alive, newest 03:04\n"
            "You are first on call (ops). If nobody answers, Ben is paged at 03:20",
            "acknowledge": "https://hb.example.com/ack/t0ken",
            "open": "https://hb.example.com/incidents/17",
        },
        "startsAt": "2026-05-03T03:05:00+00:00",
        "endsAt": "2026-05-03T03:30:00+00:00",
        "generatorURL": "https://hb.example.com/incidents/17",
    }
    for peer in peers:
        (request,) = peer.heard
        assert request.line == "POST /api/v2/alerts HTTP/1.1"
        assert request.json() == [alert]


async def test_a_recovery_ends_the_alert_of_the_page(peers: list[Provider], outcome: Sending) -> None:
    await outcome()
    await outcome(kind=NoticeKind.RECOVERED, title="OK", ack_url=None)
    firing, ended = (request.json()[0] for request in peers[0].heard)
    assert ended["labels"] == firing["labels"]
    assert ended["startsAt"] == firing["startsAt"]
    assert ended["endsAt"] == "2026-05-03T03:15:00+00:00"


async def test_an_answer_goes_on_firing_in_other_words(peers: list[Provider], outcome: Sending) -> None:
    await outcome(kind=NoticeKind.ACKNOWLEDGED, title="Acknowledged by Anna until 07:15")
    (alert,) = peers[0].heard[0].json()
    assert alert["endsAt"] == "2026-05-03T03:30:00+00:00"
    assert alert["annotations"]["summary"] == "Acknowledged by Anna until 07:15"


async def test_one_peer_is_enough(peers: list[Provider], outcome: Sending) -> None:
    peers[0].answers(500)
    peers[1].answers(400, '{"code":601,"message":"bad"}')
    assert await outcome() == Accepted("1 of 3 peers")


async def test_a_peer_that_is_away_does_not_keep_the_others_from_being_told(
    peers: list[Provider], outcome: Sending, unused_tcp_port: int
) -> None:
    peers[0].url = f"http://127.0.0.1:{unused_tcp_port}"
    assert await outcome() == Accepted("2 of 3 peers")


async def test_if_none_takes_it_a_peer_that_may_later_decides(
    peers: list[Provider], outcome: Sending
) -> None:
    for peer, status in zip(peers, (400, 503, 400), strict=True):
        peer.answers(status)
    assert await outcome() == Unreachable(f"{peers[1].where} answered 503 Service Unavailable")


async def test_if_all_refuse_it_says_why(peers: list[Provider], outcome: Sending) -> None:
    for peer in peers:
        peer.answers(400, '{"code":601,"message":"start time must be before end time"}')
    reason = f"{peers[0].where} answered 400 Bad Request: start time must be before end time"
    assert await outcome() == Refused(reason)


async def test_many_alerts_are_one_call_to_each_peer(
    http: httpx.AsyncClient, peers: list[Provider], notice: Notice
) -> None:
    alertmanager = Alertmanager.configured({}, http)
    assert isinstance(alertmanager, Reteller)
    notices = [replace(notice, dedup_key=f"heartbeat/{number}") for number in range(50)]
    contact = Contact("alertmanager", " ".join(peer.url for peer in peers))
    assert await alertmanager.send_again(notices, contact) == Accepted("3 of 3 peers")
    for peer in peers:
        (request,) = peer.heard
        assert [alert["labels"]["incident"] for alert in request.json()] == [
            notice.dedup_key for notice in notices
        ]


async def test_a_start_is_never_after_the_end(
    peers: list[Provider], outcome: Sending, notice: Notice
) -> None:
    await outcome(kind=NoticeKind.RECOVERED, opened_at=notice.at + timedelta(seconds=5))
    (alert,) = peers[0].heard[0].json()
    assert alert["startsAt"] == alert["endsAt"]


async def test_a_long_description_is_cut_at_whole_lines(peers: list[Provider], outcome: Sending) -> None:
    await outcome(lines=["x" * 99] * 200)
    lines = peers[0].heard[0].json()[0]["annotations"]["description"].split("\n")
    assert set(lines) == {"x" * 99}
    assert len(lines) == DESCRIPTION_LIMIT // 100

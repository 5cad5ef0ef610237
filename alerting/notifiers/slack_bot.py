"""Slack with a bot token: a message whose button calls back, and that changes as the incident changes.

Sources: chat.postMessage, chat.update, "Verifying requests from Slack", and the payload `block_actions`.
"""

import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs

import httpx

from alerting.notice import Notice, NoticeKind
from alerting.notifiers import slack_message
from alerting.notifiers.contract import (
    Accepted,
    Acknowledgement,
    Call,
    Contact,
    Malformed,
    Outcome,
    Received,
    Refused,
    Unreachable,
    Unsigned,
)
from alerting.notifiers.settings import is_secret, refuse_unknown, stand_in, web_address
from alerting.notifiers.transport.http import BOUND, LONGER_READ_LIMIT, Reply, post

URL = "https://slack.com/api"
SIGNATURE, TIMESTAMP = "x-slack-signature", "x-slack-request-timestamp"
FRESH = 300
"""Seconds by which the time of a call may be off, before or after ours: an older one may be a copy."""

_CHANNEL = r"[CGDUW][A-Z0-9]{6,}"
_LATER = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_NO_SUCH_CHANNEL = frozenset(
    {"channel_not_found", "is_archived", "not_in_channel", "user_not_found", "user_disabled"}
)
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_CHANGES = (NoticeKind.ACKNOWLEDGED, NoticeKind.RECOVERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackBot:
    """Writes to the channel or the person whose id is the address. `callback` is empty if Slack cannot call us."""

    kind: ClassVar[str] = "slack_bot"
    digests: ClassVar[bool] = True
    edits: ClassVar[bool] = True
    shared: ClassVar[bool] = True
    server_in_settings: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset({"token", "signing_secret"})
    secret_address: ClassVar[bool] = False

    http: httpx.AsyncClient
    token: str = field(repr=False)
    signing_secret: str = field(default="", repr=False)
    url: str = URL
    callback: str = ""
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier. `token`: the bot's, with the scope chat:write. `signing_secret`: that of the app, for the
        button. `url`: another address of the API.

        Raises ValueError if one of them is missing or wrong.
        """
        refuse_unknown(settings, ["token", "signing_secret", "url"])
        token, secret, url = (
            settings.get("token", ""),
            settings.get("signing_secret", ""),
            settings.get("url", URL),
        )
        if not re.fullmatch(r"xox[a-z][A-Za-z0-9.-]*-[A-Za-z0-9-]+", token):
            raise ValueError("token must be the token of a bot, such as xoxb-…")
        if not re.fullmatch(r"[A-Za-z0-9]*", secret):
            raise ValueError("signing_secret must be the signing secret of the app: letters and digits")
        if not web_address(url):
            raise ValueError("url must be that of the API, such as https://slack.com/api")
        return cls(http=http, token=token, signing_secret=secret, url=url.rstrip("/"))

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if is_secret(address) or re.fullmatch(_CHANNEL, stand_in(address)):
            return None
        return "the address must be the id of a channel or of a person, such as C024BE91L or U024BE7LH"

    def called_back_at(self, url: str) -> Self:
        return replace(self, callback=url)

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Post a message, or change the ones that are there if it is only the state that is new.

        What must be heard again is posted in the thread of the first one, and shown in the channel too.
        """
        if not re.fullmatch(_CHANNEL, contact.address):
            return Refused("the address is not the id of a channel")
        message = slack_message.message(notice, calls_back=bool(self.callback and self.signing_secret))
        if notice.kind in _CHANGES and notice.messages:
            return await self._change(message, notice.messages)
        if notice.messages:
            thread = notice.messages[0].partition(":")[2]
            message |= {"thread_ts": thread, "reply_broadcast": True}
        return await self._call("chat.postMessage", message | {"channel": contact.address}, self.bound)

    async def _change(self, message: dict[str, object], messages: tuple[str, ...]) -> Outcome:
        """Change messages. One that nobody can change any more is left as it is."""
        outcome: Outcome = Accepted("nothing to change")
        for place in messages:
            channel, _, moment = place.partition(":")
            outcome = await self._call(
                "chat.update", message | {"channel": channel, "ts": moment}, self.bound / len(messages)
            )
            if not isinstance(outcome, Accepted):
                return outcome
        return outcome

    async def _call(self, method: str, parameters: Mapping[str, object], bound: timedelta) -> Outcome:
        body = json.dumps(parameters, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "Authorization": f"Bearer {self.token}"}
        # Slack repeats the message in its answer.
        match await post(self.http, f"{self.url}/{method}", body, headers, bound, LONGER_READ_LIMIT):
            case Reply(status=200) as reply:
                return _outcome(reply)
            case Reply() as reply:
                return reply.failure(_word(reply.fields().get("error")))
            case Refused() | Unreachable() as failure:
                return failure

    def received(self, call: Call) -> Received:
        """Read a pressed button. Slack waits 3 seconds for an answer."""
        if not (self.signing_secret and _is_signed(call, self.signing_secret)):
            return Unsigned("X-Slack-Signature does not fit the body, or is too old.")
        payload = _payload(call)
        if payload is None:
            return Malformed("The body must be a form with a payload.")
        return list(_pressed(payload))


def _outcome(reply: Reply) -> Outcome:
    fields = reply.fields()
    match fields:
        case {"ok": True, "channel": str(channel), "ts": str(moment)} if re.fullmatch(r"[0-9.]+", moment):
            return Accepted(reply.line, provider_id=f"{channel[:50]}:{moment}")
        case {"ok": False, "error": str(error)} if error in _GONE:
            return Accepted(f"a message is gone: {error}")
        case {"ok": False, "error": str(error)} if error in _LATER:
            reason = f"{reply.where} answered {error}"
            return Unreachable(reason, reply.retry_after, throttled=error.startswith("rate"))
        case {"ok": False, "error": str(error)}:
            word = _word(error)
            reason = f"answered {word}" if word else "refused the message, for a reason that cannot be shown"
            return Refused(f"{reply.where} {reason}", address=error in _NO_SUCH_CHANNEL)
        case _:
            return reply.failure()


def _word(error: object) -> str:
    """Return Slack's word, such as invalid_auth. Anything else is not Slack's, and is not shown."""
    return error if isinstance(error, str) and re.fullmatch(r"[a-z_]{1,64}", error) else ""


def _is_signed(call: Call, secret: str) -> bool:
    """Return whether Slack has signed the call, and lately."""
    moment = call.headers.get(TIMESTAMP, "")
    if not re.fullmatch(r"[0-9]{1,12}", moment) or abs(call.at.timestamp() - int(moment)) > FRESH:
        return False
    return hmac.compare_digest(
        signature(secret, moment, call.body).encode(), call.headers.get(SIGNATURE, "").encode()
    )


def signature(secret: str, moment: str, body: bytes) -> str:
    """Return the signature of a call: v0= and the hexadecimal HMAC-SHA256 over "v0:TIME:BODY"."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{moment}:".encode() + body, sha256).hexdigest()


def _payload(call: Call) -> Mapping[str, Any] | None:
    try:
        payload = json.loads(parse_qs(call.body.decode())["payload"][0])
    except (ValueError, KeyError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _pressed(payload: Mapping[str, Any]) -> Iterator[Acknowledgement]:
    match payload:
        case {"type": "block_actions", "user": {"id": str(user), **who}, "actions": list(actions)}:
            name = who.get("name") or who.get("username") or user
            for action in actions:
                match action:
                    case {"action_id": slack_message.ACKNOWLEDGE, "value": str(notice)}:
                        yield Acknowledgement(notice=notice, address=user, by=f"{name} (on Slack)")

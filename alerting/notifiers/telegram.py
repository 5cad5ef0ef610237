"""Telegram: a bot's message with a button, changed as the incident changes.

Source: the Bot API (sendMessage, editMessageText, Update, ResponseParameters).
"""

import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ClassVar, Self

import httpx

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import (
    Accepted,
    Acknowledgement,
    Call,
    Contact,
    Malformed,
    Outcome,
    Received,
    Refused,
    Response,
    Unreachable,
    Unsigned,
)
from alerting.notifiers.settings import is_secret, refuse_unknown, stand_in, web_address
from alerting.notifiers.transport.http import BOUND, LONGER_READ_LIMIT, Reply, post
from alerting.notifiers.wording import one_line, quoted

URL = "https://api.telegram.org"
TEXT_LIMIT = 4096
"""The most characters of a message, counted as UTF-16."""
DATA_LIMIT = 64
"""The most bytes of what a button carries."""
SIGNATURE = "x-telegram-bot-api-secret-token"

_CHAT = r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{4,31}"
_NO_SUCH_CHAT = re.compile(
    r"chat not found|bot was blocked|bot was kicked|user is deactivated|chat was upgraded|not a member"
)
_UNCHANGED = "message is not modified"
_CHANGES = (NoticeKind.ACKNOWLEDGED, NoticeKind.RECOVERED)
_MARKS = {NoticeKind.ACKNOWLEDGED: "\N{LARGE BLUE CIRCLE}", NoticeKind.TEST: "\N{WHITE CIRCLE}"}
_RED, _GREEN, _YELLOW = "\N{LARGE RED CIRCLE}", "\N{LARGE GREEN CIRCLE}", "\N{LARGE YELLOW CIRCLE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram:
    """Writes to the chat whose number is the address. `callback` is empty if Telegram cannot call us."""

    kind: ClassVar[str] = "telegram"
    digests: ClassVar[bool] = True
    edits: ClassVar[bool] = True
    server_in_settings: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset({"token", "secret"})
    secret_address: ClassVar[bool] = False

    http: httpx.AsyncClient
    token: str = field(repr=False)
    secret: str = field(default="", repr=False)
    url: str = URL
    callback: str = ""
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier. `token`: the bot's, from @BotFather. `secret`: the secret_token of its webhook, for the
        button. `url`: a Bot API server of your own.

        Raises ValueError if one of them is missing or wrong.
        """
        refuse_unknown(settings, ["token", "secret", "url"])
        token, secret, url = settings.get("token", ""), settings.get("secret", ""), settings.get("url", URL)
        if not re.fullmatch(r"[0-9]+:[A-Za-z0-9_-]{20,}", token):
            raise ValueError("token must be the token of a bot, such as 123456:ABC-DEF…")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
            raise ValueError("secret may have up to 256 letters, digits, _ and -")
        if not web_address(url):
            raise ValueError("url must be that of a Bot API server, such as https://api.telegram.org")
        return cls(http=http, token=token, secret=secret, url=url.rstrip("/"))

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if is_secret(address) or re.fullmatch(_CHAT, stand_in(address)):
            return None
        return "the address must be the number of a chat, such as 123456789 or -1001234567890, or @a_channel"

    def called_back_at(self, url: str) -> Self:
        return replace(self, callback=url)

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Send a message, or change the ones that the chat has if it is only the state that is new."""
        if not re.fullmatch(_CHAT, contact.address):
            return Refused("the address is not the number of a chat")
        if notice.kind in _CHANGES and notice.messages:
            return await self._change(notice)
        message = self._message(notice) | {"chat_id": contact.address}
        if notice.messages:
            root = notice.messages[0].partition(":")[2]
            message["reply_parameters"] = {"message_id": int(root), "allow_sending_without_reply": True}
        return self._outcome(await self._call("sendMessage", message, self.bound))

    async def _change(self, notice: Notice) -> Outcome:
        """Change the messages. One that nobody can change any more is left as it is."""
        outcome: Outcome = Accepted("nothing to change")
        for place in notice.messages:
            chat, _, number = place.partition(":")
            message = self._message(notice) | {"chat_id": chat, "message_id": int(number)}
            reply = await self._call("editMessageText", message, self.bound / len(notice.messages))
            if isinstance(reply, Reply) and reply.status == 400:
                outcome = Accepted("unchanged" if _UNCHANGED in _description(reply) else "a message is gone")
                continue
            outcome = self._outcome(reply)
            if not isinstance(outcome, Accepted):
                return outcome
        return outcome

    async def _call(
        self, method: str, parameters: Mapping[str, Any], bound: timedelta
    ) -> Reply | Refused | Unreachable:
        body = json.dumps(parameters, separators=(",", ":")).encode()
        # Telegram repeats the message in its answer.
        return await post(
            self.http, f"{self.url}/bot{self.token}/{method}", body, {}, bound, LONGER_READ_LIMIT
        )

    def _outcome(self, reply: Reply | Refused | Unreachable) -> Outcome:
        if not isinstance(reply, Reply):
            return reply
        match reply.fields():
            case {"ok": True, "result": {"message_id": int(number), "chat": {"id": int(chat)}}} if (
                reply.status == 200
            ):
                return Accepted(reply.line, provider_id=f"{chat}:{number}")
            case {"ok": False}:
                return self._failure(reply)
            case _:
                return reply.failure()

    def _failure(self, reply: Reply) -> Outcome:
        more = reply.fields().get("parameters")
        wait = more.get("retry_after") if isinstance(more, dict) else None
        failure = reply.failure(quoted(_description(reply), self.token), wait)
        if isinstance(failure, Refused):
            return replace(failure, address=_NO_SUCH_CHAT.search(failure.reason) is not None)
        return failure

    def received(self, call: Call) -> Received:
        """Read a pressed button."""
        if not (
            self.secret
            and hmac.compare_digest(call.headers.get(SIGNATURE, "").encode(), self.secret.encode())
        ):
            return Unsigned("X-Telegram-Bot-Api-Secret-Token is not the secret of the notifier telegram.")
        match _update(call):
            case None:
                return Malformed("The body must be an update of Telegram's.")
            case {"callback_query": {"data": str(notice), "from": {"id": int(user), **who}}}:
                return [Acknowledgement(notice=notice, address=str(user), by=_name(who))]
            case _:
                return []

    def response(self, call: Call, said: Sequence[str]) -> Response:
        """Show what the button did, or tell somebody who starts the bot which address to enter as their contact."""
        answer: dict[str, object] = {}
        match _update(call):
            case {"callback_query": {"id": str(query)}}:
                answer = {
                    "method": "answerCallbackQuery",
                    "callback_query_id": query,
                    "text": " ".join(said)[:200],
                }
            case {"message": {"text": str(text), "chat": {"id": int(chat)}}} if text.startswith("/start"):
                words = f"The address of this chat, for a contact in heartbeat: {chat}"
                answer = {"method": "sendMessage", "chat_id": chat, "text": words}
        return Response("application/json", json.dumps(answer))

    def _message(self, notice: Notice) -> dict[str, object]:
        rows = [row for row in (list(self._answer(notice)), list(self._links(notice))) if row]
        return {
            "text": _text(notice),
            "link_preview_options": {"is_disabled": True},
            "reply_markup": {"inline_keyboard": rows},
            "disable_notification": notice.kind is NoticeKind.RECOVERED,
        }

    def _answer(self, notice: Notice) -> Iterator[dict[str, str]]:
        # Telegram refuses messages with links that cannot be opened on the internet.
        if not (notice.ack_url and self.callback):
            return
        if self.secret and len(notice.id.encode()) <= DATA_LIMIT:
            yield {"text": notice.ack_label, "callback_data": notice.id}
        else:
            yield {"text": notice.ack_label, "url": notice.ack_url}

    def _links(self, notice: Notice) -> Iterator[dict[str, str]]:
        if notice.open_url and self.callback:
            yield {"text": "Open", "url": notice.open_url}


def _text(notice: Notice) -> str:
    mark = (
        _GREEN
        if notice.fine
        else _YELLOW
        if notice.kind is NoticeKind.RECOVERED
        else _MARKS.get(notice.kind, _RED)
    )
    text = "\n".join(map(one_line, (f"{mark} {notice.title}", *notice.lines)))
    return text.encode("utf-16-le", "replace")[: TEXT_LIMIT * 2].decode("utf-16-le", "ignore")


def _description(reply: Reply) -> str:
    return str(reply.fields().get("description", ""))


def _update(call: Call) -> Mapping[str, Any] | None:
    try:
        update = json.loads(call.body)
    except (ValueError, RecursionError):
        return None
    return update if isinstance(update, dict) else None


def _name(who: Mapping[Any, Any]) -> str:
    """Return the name of a user as others see it there, which anybody can choose."""
    names = [str(who[part]) for part in ("first_name", "last_name") if who.get(part)]
    user = [f"@{who['username']}"] if who.get("username") else []
    return f"{' '.join(names) or 'Somebody'} ({' '.join([*user, 'on Telegram'])})"

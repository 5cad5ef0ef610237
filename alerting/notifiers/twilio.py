"""Twilio, as text messages and calls share it: what is sent, what came of it, and who signed a call back."""

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha1
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.sax.saxutils import escape, quoteattr

import httpx

from alerting.notifiers.contract import (
    Accepted,
    Call,
    Malformed,
    Outcome,
    Refused,
    Response,
    Unreachable,
    Unsigned,
)
from alerting.notifiers.settings import refuse_unknown, web_address
from alerting.notifiers.transport.http import BOUND, Reply, post
from alerting.notifiers.wording import one_line, quoted

URL = "https://api.twilio.com"
SIGNATURE = "x-twilio-signature"
SETTINGS = ("account_sid", "auth_token", "from", "url")

_NUMBER = r"\+[1-9][0-9]{6,14}"
_NO_SUCH_NUMBER = frozenset({21211, 21214, 21217, 21610, 21614})
"""Codes that say that the number itself takes nothing: it is none, no mobile one, or does not want messages."""
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account. `callback` is the address that Twilio calls back, empty if the internet does not reach us."""

    http: httpx.AsyncClient
    sid: str
    token: str = field(repr=False)
    sender: str
    url: str = URL
    callback: str = ""
    bound: timedelta = BOUND

    @classmethod
    def configured(
        cls, settings: Mapping[str, str], http: httpx.AsyncClient, more: tuple[str, ...] = ()
    ) -> Self:
        """Return an account from settings, of which those in `more` are read elsewhere. Raises ValueError."""
        refuse_unknown(settings, [*SETTINGS, *more])
        sid, token, url = (
            settings.get("account_sid", ""),
            settings.get("auth_token", ""),
            settings.get("url", URL),
        )
        if not re.fullmatch(r"AC[0-9a-f]{32}", sid):
            raise ValueError(
                "account_sid must be the SID of the account: AC and 32 digits and letters a to f"
            )
        if not (token and token.isascii() and token.isprintable()):
            raise ValueError("auth_token must be the primary auth token of the account")
        if not web_address(url):
            raise ValueError("url must be the API's own, such as https://api.twilio.com")
        return cls(http=http, sid=sid, token=token, sender=settings.get("from", ""), url=url.rstrip("/"))

    async def create(self, resource: str, form: Mapping[str, str | Sequence[str]]) -> Outcome:
        """Create a message or a call. Twilio knows no idempotency key: a send without an answer may be one too many."""
        url = f"{self.url}/2010-04-01/Accounts/{self.sid}/{resource}.json"
        login = b64encode(f"{self.sid}:{self.token}".encode()).decode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {login}"}
        match await post(self.http, url, urlencode(form, doseq=True).encode(), headers, self.bound):
            case Reply() as reply:
                return self._outcome(reply, str(form["To"]))
            case Refused() | Unreachable() as failure:
                return failure

    def _outcome(self, reply: Reply, number: str) -> Outcome:
        match reply.fields():
            case {"sid": str(sid)} if reply.status in (200, 201) and re.fullmatch(
                r"[A-Z]{2}[0-9a-f]{32}", sid
            ):
                return Accepted(reply.line, provider_id=sid)
            case {"message": str(message), "code": int(code)}:
                failure = reply.failure(quoted(f"{message} ({code})", self.token, number))
                if isinstance(failure, Refused) and code in _NO_SUCH_NUMBER:
                    return Refused(failure.reason, address=True)
                return failure
            case _:
                return reply.failure()

    def form_of(self, call: Call) -> Mapping[str, str] | Unsigned | Malformed:
        """Return the fields of a call back that Twilio has signed.

        It signs the address as it called it, which behind a proxy is the public one, and all fields.
        """
        if not self.callback:
            return Unsigned("HEARTBEAT_PUBLIC_URL is not an address that Twilio can call.")
        url = f"{self.callback}?{call.query}" if call.query else self.callback
        try:
            pairs = parse_qsl(call.body.decode(), keep_blank_values=True, strict_parsing=bool(call.body))
        except ValueError:
            pairs = []
        theirs = call.headers.get(SIGNATURE, "")
        if not any(
            hmac.compare_digest(signature(self.token, each, pairs), theirs.encode())
            for each in _spellings(url)
        ):
            return Unsigned("X-Twilio-Signature does not fit the address and the fields.")
        return dict(pairs) if pairs else Malformed("The body must be a form.")


def signature(token: str, url: str, pairs: list[tuple[str, str]]) -> bytes:
    """Return the signature of a form: base64(HMAC-SHA1(token, URL and each name and value in order of the names))."""
    signed = url + "".join(name + value for name, value in sorted(set(pairs)))
    return b64encode(hmac.new(token.encode(), signed.encode(), sha1).digest())


def wrong_number(number: str) -> str | None:
    """Return one sentence on the fault of a phone number, None if it is right."""
    if re.fullmatch(_NUMBER, number):
        return None
    return "the address must be a phone number with + and its country, such as +4915112345678"


def is_number(text: str) -> bool:
    """Return whether this is a phone number in the form of E.164."""
    return re.fullmatch(_NUMBER, text) is not None


def twiml(*verbs: str) -> Response:
    """Return what Twilio is to do, as TwiML."""
    return Response("text/xml; charset=utf-8", document(*verbs))


def document(*verbs: str) -> str:
    """Return verbs as a document of TwiML."""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{"".join(verbs)}</Response>'


def verb(name: str, text: str = "", *inside: str, **attributes: str) -> str:
    """Return a verb of TwiML with a text, other verbs inside, and attributes."""
    written = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{written}>{escape(one_line(text))}{''.join(inside)}</{name}>"


def _spellings(url: str) -> list[str]:
    """Return a URL with and without its usual port: Twilio signs either."""
    parts = urlsplit(url)
    usual = _PORTS.get(parts.scheme)
    if parts.port not in (None, usual) or parts.hostname is None:
        return [url]
    host = parts.netloc.removesuffix(f":{usual}")
    return [parts._replace(netloc=host).geturl(), parts._replace(netloc=f"{host}:{usual}").geturl()]

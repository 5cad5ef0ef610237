"""Twilio's own: its signature, by the vectors that it publishes, and who may call back."""

from dataclasses import replace
from urllib.parse import urlencode

import httpx
import pytest

from alerting.notifiers import twilio
from alerting.notifiers.contract import Call, Malformed, Unsigned
from alerting.notifiers.twilio import Account

FORM = [
    ("To", "+18005551212"),
    ("From", "+14158675309"),
    ("Digits", "1234"),
    ("Caller", "+14158675309"),
    ("CallSid", "CA1234567890ABCDE"),
]
SETTINGS = {"account_sid": f"AC{32 * 'a'}", "auth_token": "12345", "from": "+15005550006"}
BODY = urlencode(FORM).encode()


@pytest.fixture
def account(http: httpx.AsyncClient) -> Account:
    """An account that is called back at the address of the published example."""
    made = Account.configured(SETTINGS, http)
    return replace(made, callback="https://mycompany.com/myapp.php")


def call(signed_by: bytes | str, body: bytes = BODY, query: str = "foo=1&bar=2") -> Call:
    """A call with this signature."""
    theirs = signed_by if isinstance(signed_by, str) else signed_by.decode()
    return Call({twilio.SIGNATURE: theirs}, body, query)


def test_the_signature_is_the_published_one(account: Account) -> None:
    assert account.form_of(call("RSOYDt4T1cUTdK1PDd93/VVr8B8=")) == dict(FORM)


def test_a_name_that_comes_several_times_is_signed_by_its_different_values() -> None:
    form = [
        ("Sid", "CA123"),
        ("SidAccount", "AC123"),
        ("Digits", "5678"),
        ("Digits", "1234"),
        ("Digits", "1234"),
    ]
    made = twilio.signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form)
    assert made == b"IK+Dwps556ElfBT0I3Rgjkr1wJU="


@pytest.mark.parametrize("url", ["https://mycompany.com/myapp.php", "https://mycompany.com:443/myapp.php"])
def test_the_usual_port_may_be_signed_or_not(account: Account, url: str) -> None:
    signed = twilio.signature("12345", url, FORM)
    for at in ("https://mycompany.com/myapp.php", "https://mycompany.com:443/myapp.php"):
        assert replace(account, callback=at).form_of(call(signed, query="")) == dict(FORM)


def test_another_port_is_part_of_the_address(account: Account) -> None:
    here = replace(account, callback="https://mycompany.com:8443/myapp.php")
    signed = twilio.signature("12345", "https://mycompany.com:8443/myapp.php", FORM)
    assert here.form_of(call(signed, query="")) == dict(FORM)
    signed = twilio.signature("12345", "https://mycompany.com/myapp.php", FORM)
    assert isinstance(here.form_of(call(signed, query="")), Unsigned)


@pytest.mark.parametrize(
    "url",
    [
        "http://mycompany.com/myapp.php?foo=1&bar=2",
        "https://10.0.0.7:8000/myapp.php?foo=1&bar=2",
        "https://mycompany.com/myapp.php",
        "https://mycompany.com/myapp.php?bar=2&foo=1",
    ],
)
def test_only_the_whole_public_address_counts(account: Account, url: str) -> None:
    """A proxy in front calls us by another address, which Twilio has never heard of."""
    assert isinstance(account.form_of(call(twilio.signature("12345", url, FORM))), Unsigned)


@pytest.mark.parametrize("theirs", ["", "RSOYDt4T1cUTdK1PDd93/VVr8B9=", "ä"])
def test_a_wrong_signature_is_refused(account: Account, theirs: str) -> None:
    assert isinstance(account.form_of(call(theirs)), Unsigned)


def test_a_changed_field_is_refused(account: Account) -> None:
    changed = BODY.replace(b"Digits=1234", b"Digits=1235")
    assert isinstance(account.form_of(call("RSOYDt4T1cUTdK1PDd93/VVr8B8=", changed)), Unsigned)


def test_a_signed_body_that_is_no_form_is_malformed(account: Account) -> None:
    signed = twilio.signature("12345", "https://mycompany.com/myapp.php", [])
    for body in (b"", b"\xff\xfe", b"{}"):
        assert account.form_of(call(signed, body, "")) == Malformed("The body must be a form.")


def test_without_a_public_address_nobody_can_call_back(account: Account) -> None:
    reason = "HEARTBEAT_PUBLIC_URL is not an address that Twilio can call."
    assert replace(account, callback="").form_of(call("RSOYDt4T1cUTdK1PDd93/VVr8B8=")) == Unsigned(reason)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"account_sid": ""}, "account_sid must be"),
        ({"account_sid": "SK" + 32 * "a"}, "account_sid must be"),
        ({"auth_token": ""}, "auth_token must be"),
        ({"url": "api.twilio.com"}, "url must be"),
        ({"token": "x"}, "token is not a setting here"),
    ],
)
def test_wrong_settings_are_refused(http: httpx.AsyncClient, changes: dict[str, str], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Account.configured(SETTINGS | changes, http)


def test_the_token_is_not_shown(account: Account) -> None:
    assert "12345'" not in repr(account)


@pytest.mark.parametrize("number", ["+4915112345678", "+15005550006"])
def test_a_number_has_its_country(number: str) -> None:
    assert twilio.wrong_number(number) is None


@pytest.mark.parametrize(
    "number", ["", "015112345678", "+0123456789", "+49 151 1234", "4915112345678", "+49151\n"]
)
def test_any_other_number_is_refused(number: str) -> None:
    assert twilio.wrong_number(number)


def test_texts_in_twiml_are_escaped() -> None:
    said = twilio.document(twilio.verb("Say", "R&D <b>\x00 done", voice='a"b'))
    assert said == (
        '<?xml version="1.0" encoding="UTF-8"?><Response>'
        "<Say voice='a\"b'>R&amp;D &lt;b&gt;  done</Say></Response>"
    )

"""Secrets at rest: what is sealed can be opened with its key and for its own purpose only."""

import re
from os import urandom

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat import vault
from heartbeat.vault import Unreadable

OLD, NEW = "an old key that is long and random", "a new key that is long and random"
DAMAGED = "^This encrypted secret is damaged or belongs elsewhere: enter the secret again.$"


def counted() -> vault.Vault:
    """A vault whose nonces are known, so that what it makes can be compared."""
    return vault.with_keys([OLD], lambda length: bytes(range(length)))


@given(
    clear=st.text(alphabet=st.characters(codec="utf-8")), about=st.text(alphabet=st.characters(codec="utf-8"))
)
def test_a_sealed_secret_opens_for_its_own_purpose(clear: str, about: str) -> None:
    sealed = counted().seal(clear, about)
    assert vault.is_sealed(sealed)
    assert counted().open(sealed, about) == clear


def test_the_sealed_form_never_changes() -> None:
    """A later release must read the secrets of an earlier one."""
    sealed = "v1:2c6d3566e6496e8f:AAECAwQFBgcICQoLsFqeYB-fN_Q0DWi0NEkxzpoGkqlO_NBQ"
    assert counted().seal("tk_token", "notifier ntfy token") == sealed
    assert counted().open(sealed, "notifier ntfy token") == "tk_token"


def test_a_sealed_secret_is_unreadable_and_different_each_time() -> None:
    keys = vault.with_keys([OLD], urandom)
    first, second = keys.seal("tk_token", "x"), keys.seal("tk_token", "x")
    assert first != second
    assert "tk_token" not in first
    assert "tk_token" not in repr(keys)


def test_a_secret_that_was_moved_elsewhere_is_refused() -> None:
    sealed = counted().seal("whsec_x", "person anna webhook")
    with pytest.raises(Unreadable, match=DAMAGED):
        counted().open(sealed, "person eve webhook")


@given(where=st.integers(min_value=0), instead=st.sampled_from("AZaz09-_"))
def test_a_changed_character_is_noticed(where: int, instead: str) -> None:
    sealed = counted().seal("a secret", "x")
    data = sealed.index(":", 3) + 1
    place = data + where % (len(sealed) - data)
    changed = sealed[:place] + instead + sealed[place + 1 :]
    if changed != sealed:
        # The last character holds bits that stand for nothing: only what is opened must never differ.
        try:
            assert counted().open(changed, "x") == "a secret"
            assert place == len(sealed) - 1
        except Unreadable:
            pass


def test_keys_change_without_a_gap() -> None:
    old = vault.with_keys([OLD], urandom)
    both = vault.with_keys([NEW, OLD], urandom)
    new = vault.with_keys([NEW], urandom)
    sealed = old.seal("a secret", "x")
    assert both.open(sealed, "x") == "a secret"
    assert both.is_stale(sealed)
    resealed = both.seal("a secret", "x")
    assert not both.is_stale(resealed)
    assert new.open(resealed, "x") == "a secret"
    (old_key,) = old.keys
    with pytest.raises(
        Unreadable, match=f"^This secret was encrypted with the key {old_key}, which is not known"
    ):
        new.open(sealed, "x")


def test_without_a_key_nothing_is_sealed_or_opened() -> None:
    empty = vault.with_keys([], urandom)
    sealed = counted().seal("a secret", "x")
    assert empty.is_stale(sealed)
    with pytest.raises(Unreadable, match="is not known here"):
        empty.open(sealed, "x")
    with pytest.raises(ValueError, match="set HEARTBEAT_SECRET_KEY"):
        empty.seal("a secret", "x")


@pytest.mark.parametrize(
    "text",
    ["", "${NAME}", "v1:", "v1:0123456789abcdef:", "v2:0123456789abcdef:AAAA", "v1:0123456789abcdef:AA=="],
)
def test_other_text_is_not_sealed(text: str) -> None:
    assert not vault.is_sealed(text)
    with pytest.raises(Unreadable, match=re.escape("This is no encrypted secret")):
        counted().open(text, "x")


@pytest.mark.parametrize("data", ["A", "AAAA", "AAECAwQFBgcICQoLDA"])
def test_too_short_data_is_refused(data: str) -> None:
    (key,) = counted().keys
    with pytest.raises(Unreadable, match=DAMAGED):
        counted().open(f"v1:{key}:{data}", "x")

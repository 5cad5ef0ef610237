"""Passwords that people commonly choose: popular words, runs of keys, and repetitions. Pure.

Lists of leaked passwords have few with 12 characters or more. Almost all of them are put together from these.
"""

import re

RUN = 3
"""Keys beside each other, at least, that count as a sequence."""
LEFT = 4
"""Characters that must be left of a password without its common parts."""

_ROWS = (
    *("abcdefghijklmnopqrstuvwxyz", "01234567890", "1qaz2wsx3edc4rfv5tgb", "1q2w3e4r5t6y7u8i9o0p"),
    *("qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm"),
)
_LEET = str.maketrans("@4310$57", "aaeiosst")
_YEAR = re.compile(r"(?:19|20)\d\d")
_WORD = re.compile(
    # The longest first.
    r"administrator|willkommen|basketball|monitoring|heartbeat|september|wednesday|chocolate|"
    r"password|passwort|changeme|iloveyou|princess|sunshine|football|baseball|superman|starwars|"
    r"computer|internet|database|february|november|december|thursday|saturday|whatever|jennifer|"
    r"letmein|welcome|default|pokemon|manager|service|monitor|january|october|tuesday|trustno|"
    r"freedom|mustang|michael|charlie|company|passwd|secret|geheim|change|please|master|monkey|"
    r"dragon|shadow|soccer|hockey|batman|server|system|oncall|summer|winter|spring|autumn|"
    r"sommer|august|monday|friday|sunday|jordan|thomas|access|flower|cookie|cheese|admin|"
    r"login|guest|hello|hallo|march|april|ninja|pass|root|user|test|love|june|july"
)


def is_common(password: str, user: str) -> bool:
    """Return True if the password has little beside common words, sequences, repetitions and the user's name."""
    text = password.casefold()
    # Numbers go first: in "passw0rd1234", the zero is a letter and the rest are not.
    with_letters = _without_runs(_YEAR.sub(" ", text)).translate(_LEET)
    return any(len(_rest(form, user.casefold())) < LEFT for form in (text, with_letters))


def _rest(text: str, user: str) -> str:
    """Return the different letters and digits of the text without its common parts."""
    text = _without_runs(_YEAR.sub(" ", _WORD.sub(" ", text.replace(user, " ") if user else text)))
    return re.sub(r"[\W_]", "", "".join(sorted(set(text))))


def _without_runs(text: str) -> str:
    for row in (*_ROWS, *(row[::-1] for row in _ROWS)):
        for length in range(len(row), RUN - 1, -1):
            for start in range(len(row) - length + 1):
                text = text.replace(row[start : start + length], " ")
    return text

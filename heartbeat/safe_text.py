"""Text that strangers wrote, made safe to show: nothing in it deceives its reader. Pure."""

import re

# Control characters, and those that turn the direction of the text around them: they would show something else
# than what is there. The last two are no characters at all: no XML may hold them, and so no feed. Tab and line feed
# are harmless; marks of direction for one letter are needed by some scripts.
_DECEIVING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)


def harmless(text: str) -> str:
    """The text with a visible mark for each character that would deceive its reader."""
    return _DECEIVING.sub("\ufffd", text)

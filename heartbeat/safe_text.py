"""Text of strangers, made safe to show: nothing in it deceives its reader. Pure."""

import re

# Control characters, and characters that turn the direction of the text around them: a reader would see another
# text. The last two are no characters at all, so XML, and with it a feed, may not hold them. Tab and line feed are
# harmless. Some scripts need direction marks for single letters.
_DECEIVING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)


def is_harmless(text: str) -> bool:
    """Return True if nothing in the text deceives its reader. Spaces and joiners of any script are harmless."""
    return _DECEIVING.search(text) is None


def harmless(text: str) -> str:
    """Return the text with a visible mark for each deceiving character."""
    return _DECEIVING.sub("\ufffd", text)

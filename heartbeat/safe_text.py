"""Text of strangers, made safe to show: nothing in it deceives its reader. Pure."""

import re
import unicodedata

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


def is_line(text: str) -> bool:
    """Return True if the text is one line that its reader sees as it is."""
    return is_harmless(text) and not {"\n", "\t"} & set(text) and any(map(_is_seen, text))


def as_line(text: str) -> str:
    """Return the text with a space for each deceiving character, tab and line feed."""
    return _DECEIVING.sub(" ", text).translate({9: " ", 10: " "})


def told(text: str) -> str:
    """Return the text as a message can show it: as it is, or escaped if something in it deceives."""
    return text if is_line(text) else repr(text)


def _is_seen(character: str) -> bool:
    # Spaces, joiners and selectors alone would look like no text at all.
    return unicodedata.category(character)[0] not in "ZC" and not "\ufe00" <= character <= "\ufe0f"

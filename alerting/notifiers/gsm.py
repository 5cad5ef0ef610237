"""The length of a text message, in the segments that it is sent and paid in. Pure.

Source: 3GPP TS 23.038, 6.2.1 (the default alphabet and its extension), and TS 23.040 (segments of one message).
"""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("^{}\\[~]|€\f")
"""Characters that take two places."""
_PLAINER = str.maketrans(
    {
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{HORIZONTAL ELLIPSIS}": "...",
        "\N{NO-BREAK SPACE}": " ",
        "\N{NARROW NO-BREAK SPACE}": " ",
        "\N{RIGHTWARDS ARROW}": "->",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{MIDDLE DOT}": "-",
        "`": "'",
    }
)


def plainer(text: str) -> str:
    """Return the text with typographic marks in plain ones: a single other character more than doubles its length."""
    return text.translate(_PLAINER)


def segments(text: str) -> int:
    """Return the number of segments of a text."""
    if _BASIC.issuperset(text) or (_BASIC | _EXTENSION).issuperset(text):
        places, alone, part = sum(2 if each in _EXTENSION else 1 for each in text), 160, 153
    else:
        places, alone, part = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if places <= alone else -(-places // part)


def cut(text: str, most: int, *, with_end: str = "") -> str:
    """Return the beginning of a text that fits into `most` segments together with the end."""
    if segments(text + with_end) <= most:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if segments(text[:middle] + "..." + with_end) <= most else (low, middle - 1)
        )
    return text[:low].rstrip() + "..."

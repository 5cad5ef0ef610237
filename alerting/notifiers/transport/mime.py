"""The form of a mail on the wire. Pure.

Sources: RFC 5322 (lines), RFC 2047, section 5 (where an encoded word may stand), RFC 2369
and RFC 8058 (List-Unsubscribe).
"""

from email.policy import SMTP, EmailPolicy

_MACHINES = frozenset(
    {"message-id", "in-reply-to", "references", "list-unsubscribe", "list-unsubscribe-post"}
)


class _OnePiece(EmailPolicy):
    """Folds like its parent, but leaves headers for machines whole: these may hold no encoded word.

    The parent encodes any text that is longer than a line and has no space in it, such as a link.
    """

    def fold(self, name: str, value: str) -> str:
        if name.lower() in _MACHINES:
            return f"{name}: {value}{self.linesep}"
        folded: str = super().fold(name, value)
        return folded

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() in _MACHINES:
            return self.fold(name, value).encode("ascii")
        return super().fold_binary(name, value)


# Seven bits pass through every server, with no extension to ask for.
POLICY = _OnePiece(linesep=SMTP.linesep, cte_type="7bit")
"""The policy of every mail."""

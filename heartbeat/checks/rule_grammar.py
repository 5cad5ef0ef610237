"""Rules as text, as JSON, and back. Pure.

    condition = NAME operator (NUMBER | DURATION)
              | NAME ("falls" | "rises") "over" COUNT "runs"
              | NAME "eta" operator DURATION
              | NAME operator NUMBER"x" "median" "of" COUNT "runs"
              | NAME "changes" "by" ("less" | "more") "than" NUMBER"%" "of" "the" "same" "weekday"
              | "body" "has" ["not"] ('"' TEXT '"' | "/" EXPRESSION "/")
    operator  = "<" | "<=" | ">" | ">=" | "=" | "!="

In TEXT and EXPRESSION, the delimiter has a backslash in front; so has a backslash in TEXT.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, TypeVar

import re2

from alerting.severity import Severity
from heartbeat import duration, safe_text
from heartbeat.checks import rule_amount
from heartbeat.checks.finished_run import number
from heartbeat.checks.rule import (
    LONGEST_PATTERN,
    RUNS,
    Body,
    Condition,
    Distance,
    Eta,
    Limit,
    Move,
    OfMedian,
    OfWeekday,
    Operator,
    Rule,
    Trend,
    expression,
)

LONGEST: Final = 400
"""Characters of a condition, at most."""
LONGEST_NAME: Final = 63
"""Characters of the name of a measurement, at most."""
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*"
_TOKEN: Final = re.compile(
    rf"""(?P<name>{_NAME})
    | (?P<operator><=|>=|!=|<|>|=)
    | (?P<amount>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[A-Za-z0-9%]*)
    | "(?P<text>(?:[^"\\]|\\.)*)"
    | /(?P<expression>(?:[^/\\]|\\.)*)/
    """,
    re.VERBOSE | re.ASCII,
)
_LINE: Final = re.compile(
    r"""(?P<rule>(?:"(?:[^"\\]|\\.)*"|/(?:[^/\\]|\\.)*/|[^",/])*)
    (?:,\ *for\ (?P<for>[^,]*))?(?:,\ *(?P<severity>[a-z]+))??(?:,\ *named\ (?P<name>.*))?""",
    re.VERBOSE,
)
_OPERATORS: Final = "<, <=, >, >=, = or !="
_SHOWN: Final = 40
_FIELDS: Final = "in the file and the API,"
_WHOLE: Final = "rows > 0, for 2 runs, critical, named no rows"
_BESIDE: Final = frozenset({"for", "named", *Severity})
"""The words that begin what a line says beside its condition."""

T = TypeVar("T")


class BadRule(ValueError):
    """A text that is no rule: the column of the fault, counted from 1, and what would be right there."""

    def __init__(self, column: int, remedy: str) -> None:
        super().__init__(f"column {column}: {remedy}")
        self.column = column
        self.remedy = remedy


@lru_cache(maxsize=4096)
def parse(text: str) -> Condition:
    """Return the condition in this text. Raises `BadRule`."""
    if len(text) > LONGEST:
        raise BadRule(LONGEST, f"A rule has at most {LONGEST} characters.")
    for column, character in enumerate(text, 1):
        if character in "\n\t" or not safe_text.is_harmless(character):
            raise BadRule(column, "Leave out this character; a rule is one line of text.")
    return _Reader(text).condition()


def write(condition: Condition) -> str:
    """Return the text of a condition, which `parse` reads."""
    match condition:
        case Limit(name, sign, limit, is_time):
            return f"{name} {sign} {duration.written(timedelta(seconds=limit)) if is_time else number(limit)}"
        case Trend(name, move, runs):
            return f"{name} {move} over {runs} runs"
        case Eta(name, sign, limit):
            return f"{name} eta {sign} {duration.written(limit)}"
        case OfMedian(name, sign, factor, runs):
            return f"{name} {sign} {number(factor)}x median of {runs} runs"
        case OfWeekday(name, distance, percent):
            return f"{name} changes by {distance} than {number(percent)}% of the same weekday"
        case Body(pattern, is_expression, has):
            quoted = _slashed(pattern) if is_expression else _quoted(pattern)
            return f"body has {'' if has else 'not '}{quoted}"


def in_words(rule: Rule) -> str:
    """Return a rule in one line, with all that it says: "rows > 0, for 2 runs, critical, named some rows"."""
    said = [
        write(rule.condition),
        f"for {rule.runs} runs" if rule.runs > 1 else "",
        rule.severity.value if rule.severity else "",
        f"named {rule.name}" if rule.name else "",
    ]
    return ", ".join(filter(None, said))


def of_line(line: str) -> dict[str, str]:
    """Return the fields of a rule, called as in the file, in the line that `in_words` makes of it.

    There is always a `rule`: the whole line if it cannot be taken apart, or begins with something else.
    """
    return {name: text for name, (text, _) in parts(line).items()}


def parts(line: str) -> dict[str, tuple[str, int]]:
    """Return the fields of `of_line`, each with the column of its text, counted from 1."""
    match = _LINE.fullmatch(line)
    if match is None or not match["rule"].strip():
        return {"rule": (line, 1)}
    return {name: (text, match.start(name) + 1) for name, text in match.groupdict().items() if text}


def to_json(rule: Rule) -> dict[str, Any]:
    """Return a rule as JSON values."""
    stored: dict[str, Any] = {"condition": _condition_json(rule.condition)}
    if rule.name:
        stored["name"] = rule.name
    if rule.severity is not None:
        stored["severity"] = rule.severity.value
    return stored | ({"for": rule.runs} if rule.runs > 1 else {})


def from_json(stored: Mapping[str, Any]) -> Rule:
    """Return the rule of these JSON values, which are those of `to_json`. Raises KeyError and ValueError."""
    severity = stored.get("severity")
    return Rule(
        _condition_of(stored["condition"]),
        stored.get("name", ""),
        None if severity is None else Severity(severity),
        stored.get("for", 1),
    )


_KINDS: Final[Mapping[str, type[Condition]]] = {
    "limit": Limit,
    "trend": Trend,
    "eta": Eta,
    "median": OfMedian,
    "weekday": OfWeekday,
    "body": Body,
}
_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "operator": Operator,
    "move": Move,
    "distance": Distance,
}


def _condition_json(condition: Condition) -> dict[str, Any]:
    (kind,) = (kind for kind, made in _KINDS.items() if isinstance(condition, made))
    fields = {name: getattr(condition, name) for name in condition.__slots__}
    plain = {name: str(value) if name in _READ else value for name, value in fields.items()}
    if isinstance(condition, Eta):
        plain["limit"] = condition.limit.total_seconds()
    return {"kind": kind, **plain}


def _condition_of(stored: Mapping[str, Any]) -> Condition:
    made = _KINDS[stored["kind"]]
    fields = {
        name: _READ[name](value) if name in _READ else value
        for name, value in stored.items()
        if name != "kind"
    }
    if made is Eta:
        fields["limit"] = timedelta(seconds=fields["limit"])
    return made(**fields)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


class _Reader:
    """One reading of one text, from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0

    def condition(self) -> Condition:
        name = self._name()
        if name.text == "body" and self._peek().text == "has":
            read: Condition = self._body()
        else:
            read = self._measured(name.text)
        if self._peek().kind != "end":
            raise self._wrong(self._leftover())
        return read

    def _measured(self, name: str) -> Condition:
        if self._peek().kind == "operator":
            return self._compared(name, self._operator())
        match self._peek().text:
            case "falls" | "rises":
                move = Move(self._take().text)
                self._word("over")
                return Trend(name, move, self._runs())
            case "eta":
                self._take()
                return Eta(name, self._operator(), self._amount(rule_amount.length, "a duration, such as 6h"))
            case "changes":
                self._take()
                self._word("by")
                distance = Distance(self._word("less", "more"))
                self._word("than")
                percent = self._amount(rule_amount.suffixed("%"), "a percentage, such as 50%")
                for word in ("of", "the", "same", "weekday"):
                    self._word(word)
                return OfWeekday(name, distance, percent)
        remedy = f"Write one of {_OPERATORS}, or falls, rises, eta or changes"
        raise self._wrong(f"{remedy}{self._instead()}.")

    def _compared(self, name: str, sign: Operator) -> Condition:
        limit, kind = self._amount(rule_amount.limit, "a number or a duration, such as 5000, 15m or 3x")
        if kind != "x":
            return Limit(name, sign, limit, kind == "time")
        self._word("median")
        self._word("of")
        return OfMedian(name, sign, limit, self._runs())

    def _body(self) -> Body:
        self._word("has")
        has = self._peek().text != "not"
        if not has:
            self._take()
        token = self._peek()
        if token.kind not in ("text", "expression"):
            raise self._wrong(f'Write a text in quotes, such as "0 errors", or /Traceback/{self._instead()}.')
        self._take()
        is_expression = token.kind == "expression"
        pattern = re.sub(r"\\/" if is_expression else r"\\(.)", _unescaped, token.text, flags=re.DOTALL)
        if not pattern or len(pattern) > LONGEST_PATTERN:
            raise BadRule(token.column, f"Write 1 to {LONGEST_PATTERN} characters to look for.")
        if is_expression:
            _require_expression(pattern, token.column)
        return Body(pattern, is_expression, has)

    def _name(self) -> _Token:
        token = self._peek()
        if token.kind != "name":
            raise self._wrong(f"Begin with the name of a measurement, or with body{self._instead()}.")
        if len(token.text) > LONGEST_NAME:
            raise self._wrong(f"A name has at most {LONGEST_NAME} characters.")
        return self._take()

    def _operator(self) -> Operator:
        if self._peek().kind != "operator":
            raise self._wrong(f"Write one of {_OPERATORS}{self._instead()}.")
        return Operator(self._take().text)

    def _runs(self) -> int:
        low, high = RUNS
        count = self._amount(rule_amount.runs, f"a number of runs from {low} to {high}")
        self._word("runs")
        return count

    def _word(self, *words: str) -> str:
        if self._peek().kind != "name" or self._peek().text not in words:
            raise self._wrong(f"Write {' or '.join(words)}{self._instead()}.")
        return self._take().text

    def _amount(self, read: Callable[[str], T | None], what: str) -> T:
        token = self._peek()
        if token.kind == "amount" and (found := rule_amount.meant(self._text[token.column - 1 :], read)):
            raise self._wrong(f"Write {found[1]}, not {found[0]!r}.")
        value = read(token.text) if token.kind == "amount" else None
        if value is None:
            raise self._wrong(f"Write {what}{self._instead()}.")
        self._take()
        return value

    def _leftover(self) -> str:
        """Return what to do about a text that goes on where the condition ends."""
        token = self._peek()
        if token.text.startswith(","):
            return f'Go on as in "{_WHOLE}", in this order; {_FIELDS} they are fields of their own.'
        if token.text in _BESIDE:
            return f"Write a comma before {token.text!r}; {_FIELDS} it is a field of its own."
        return f"The rule should end here; leave out {self._shown()}."

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def _shown(self) -> str:
        token = self._peek()
        rest = self._text[token.column - 1 :]
        return repr(rest[:_SHOWN].split(" ")[0] if token.kind != "text" else rest[:_SHOWN])

    def _instead(self) -> str:
        return "; the rule ends here" if self._peek().kind == "end" else f", not {self._shown()}"

    def _wrong(self, remedy: str) -> BadRule:
        return BadRule(self._peek().column, remedy)


def _tokens(text: str) -> list[_Token]:
    """Return the words of a text. What is none of them is one of kind "other", and the last one is the end."""
    tokens, place = [], 0
    while (place := place + len(text[place:]) - len(text[place:].lstrip())) < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            tokens.append(_Token("other", text[place:], place + 1))
            break
        kind = match.lastgroup or ""
        tokens.append(_Token(kind, match[kind], place + 1))
        place = match.end()
    return [*tokens, _Token("end", "", max(len(text), 1))]


def _unescaped(match: re.Match[str]) -> str:
    return match[0][1:]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _slashed(pattern: str) -> str:
    """Return an expression between slashes. A slash that has a backslash already keeps it."""
    return (
        "/"
        + re.sub(r"\\.|/", lambda match: "\\/" if match[0] == "/" else match[0], pattern, flags=re.DOTALL)
        + "/"
    )


def _require_expression(pattern: str, column: int) -> None:
    try:
        expression(pattern)
    except re2.error as error:
        said = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise BadRule(column, f"This is no regular expression (RE2): {said}.") from None

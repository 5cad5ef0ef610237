"""`python -m tests.plain_words [folder …]`: names and docstrings that name the thing, and templates that fit a screen.

Prints the share of vague words among all bound names of the product, the share of docstrings that open with a
clause instead of the thing, and every template line that is too long. Exits 1 above a limit. It is a floor against
drifting back, not a goal: a synonym of a vague word says no more than the word.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

PRODUCT = ("heartbeat", "alerting")
VAGUE = frozenset(
    {
        "one",
        "found",
        "given",
        "before",
        "who",
        "words",
        "known",
        "said",
        "after",
        "wanted",
        "told",
        "shown",
        "wrong",
    }
    | {
        "kept",
        "made",
        "done",
        "seen",
        "asked",
        "standing",
        "around",
        "gone",
        "there",
        "fresh",
        "again",
        "what",
    }
)
CLAUSES = frozenset(
    {"What", "Who", "Whom", "Whose", "Whoever", "Where", "When", "Whether", "Which", "Why", "How"}
    | {"That", "Those", "These", "There", "As", "By", "It"}
)
VAGUE_LIMIT = 0.02
CLAUSE_LIMIT = 0.03
TEMPLATE_COLUMNS = 160


def bound_names(tree: ast.AST) -> Iterator[str]:
    """Every name that the code binds: variables, arguments, functions, classes, aliases, captures."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                yield name
            case ast.alias(asname=str(name)):
                yield name


def openings(tree: ast.AST) -> Iterator[str]:
    """The first word of each docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield text.split()[0].strip(",.:;")


def long_lines(folders: Iterable[str]) -> list[str]:
    """Template lines that are wider than `TEMPLATE_COLUMNS`, as "path:line: columns"."""
    return [
        f"{path}:{number}: {len(line)} columns"
        for folder in folders
        for path in sorted(Path(folder).rglob("*.html"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > TEMPLATE_COLUMNS
    ]


def _share(title: str, counts: Counter[str], words: frozenset[str], limit: float) -> bool:
    """Print one share with its commonest offenders; return whether it is within the limit."""
    offenders = Counter({word: count for word, count in counts.items() if word in words})
    share = offenders.total() / max(1, counts.total())
    commonest = ", ".join(f"{word} {count}" for word, count in offenders.most_common(8))
    print(f"{title}: {share:.1%} of {counts.total()} (limit {limit:.0%})  {commonest}")
    return share <= limit


def main(folders: list[str]) -> int:
    """Measure the folders, by default the product."""
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for folder in folders
        for path in Path(folder).rglob("*.py")
    ]
    names = Counter(name.strip("_") for tree in trees for name in bound_names(tree))
    docstrings = Counter(word for tree in trees for word in openings(tree))
    plain = _share("vague names", names, VAGUE, VAGUE_LIMIT)
    direct = _share("docstrings that open with a clause", docstrings, CLAUSES, CLAUSE_LIMIT)
    wide = long_lines(folders)
    print(*wide, sep="\n", end="\n" if wide else "")
    return 0 if plain and direct and not wide else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(PRODUCT)))

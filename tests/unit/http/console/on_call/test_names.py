"""Names that are ticked, chosen or written in a form."""

from starlette.datastructures import FormData

from heartbeat.definitions.rotations import OWN_NAME
from heartbeat.http.console.on_call import names


def test_names_are_ticked_or_written_with_commas() -> None:
    assert names.typed(FormData([("people", "anna"), ("people", "ben")]), "people") == ("anna", "ben")
    assert names.typed(FormData([("people", " anna, ben,,anna "), ("other", "zoe")]), "people") == (
        "anna",
        "ben",
        "anna",
    )
    assert names.typed(FormData([("people", "")]), "people") == ()


def test_those_who_stood_together_keep_their_order() -> None:
    assert names.in_order(("anna", "zoe", "anna"), [("ben",), ("zoe", "anna")]) == ["zoe", "anna"]
    assert names.in_order(("anna", "zoe"), [("anna", "zoe", "ben")]) == ["anna", "zoe"]


def test_a_problem_of_the_name_is_beside_the_slug() -> None:
    for problem in (
        "team A: 'A' cannot be a name; write a-z.",
        "team ben: there is a person of this name; choose another name.",
        f"team operator: {OWN_NAME}",
    ):
        assert names.of_slug(problem) == ("slug", f"Slug: {problem.partition(': ')[2]}")
    assert names.of_slug("slug: is taken.") == ("slug", "Slug: is taken.")
    assert names.of_slug("there are 1,000 teams already") == ("", "there are 1,000 teams already")

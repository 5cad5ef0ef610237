"""Shared by the tests of the API: the sentence of a problem document."""

import httpx


def problem(answer: httpx.Response, status: int) -> str:
    """The sentence of a problem document of this status."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
        answer.text
    )
    told = answer.json()
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert told["title"]
    sentence: str = told["detail"]
    assert sentence.endswith(".")
    return sentence

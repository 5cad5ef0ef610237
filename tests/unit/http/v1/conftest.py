"""Shared by the tests of the API: the sentence of a problem document."""

import httpx


def problem(answer: httpx.Response, status: int) -> str:
    """Return the sentence of a problem document with this status."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
        answer.text
    )
    document = answer.json()
    assert (document["type"], document["status"]) == ("about:blank", status)
    assert document["title"]
    sentence: str = document["detail"]
    assert sentence.endswith(".")
    return sentence

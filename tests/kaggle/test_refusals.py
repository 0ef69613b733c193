"""Kaggle's own words, and what its statuses become."""

from types import SimpleNamespace

import pytest

from digit_recognizer.kaggle.refusals import cleaned, explain_status

CREDENTIALS = SimpleNamespace(kind="token", origin="KAGGLE_API_TOKEN", hidden=None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Too many.", "Too many"),
        ("two\n  lines", "two lines"),
        ("the key s3cret is wrong", "the key *** is wrong"),
        ("a" * 200, "a" * 200),
        ("a" * 201, "a" * 197 + "..."),
        (None, "no reason given"),
        ("", "no reason given"),
    ],
)
def test_a_text_of_kaggles_is_one_short_line_without_secrets(text, expected):
    assert cleaned(text, ["s3cret"]) == expected


@pytest.mark.parametrize(
    ("status", "sentence", "may_pass"),
    [
        (400, r"refuses the request \(400: why\)", False),
        (401, "does not accept the token from KAGGLE_API_TOKEN", False),
        (403, r"refuses access to digits \(why\); accept the competition's rules", False),
        (404, "knows no competition 'digits'", False),
        (408, r"an error of its own \(408\); try again later", True),
        (429, r"takes no more requests for now \(429\); try again in 7 seconds", True),
        (500, r"an error of its own \(500\)", True),
        (503, r"an error of its own \(503\)", True),
    ],
)
def test_each_status_has_its_sentence(status, sentence, may_pass):
    error = explain_status(status, "why", 7.0, "digits", CREDENTIALS)
    assert error.may_pass == may_pass
    with pytest.raises(type(error), match=sentence):
        raise error

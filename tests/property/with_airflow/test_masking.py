"""A registered text is hidden, however Python, Airflow's own code and SQLAlchemy print it; any other is not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom._maskers import Replacer
from tests.airflow.include.strongroom_forms import FORMS

SECRETS = st.text(
    st.one_of(st.characters(codec="utf-8", exclude_characters="\x00"), st.sampled_from("%+/\\'\" \nab@:=&?#")),
    min_size=5,
    max_size=60,
).filter(lambda secret: len(secret.strip()) >= 5)
#: Characters that cannot continue a secret or its encoding, and are not a secret themselves.
AROUND = st.text(st.sampled_from("<>[]() ,;|"), max_size=20)


def masks(*secrets: str) -> Replacer:
    """A matcher as used in a masker."""
    replacer = Replacer()
    for secret in secrets:
        assert replacer.add_pattern(re.escape(secret))
    return replacer


@pytest.mark.parametrize("form", FORMS)
@given(secret=SECRETS, others=st.lists(SECRETS, max_size=3), before=AROUND, after=AROUND)
def test_no_form_of_a_registered_secret_passes(
    form: str, secret: str, others: list[str], before: str, after: str
) -> None:
    printed = FORMS[form](secret)
    shown = masks(secret, *others).sub("***", f"{before}{printed}{after}")
    core = FORMS[form](secret.strip())
    assert "***" in shown
    assert core not in shown
    assert secret.strip() not in shown


@given(prefix=SECRETS, rest=SECRETS)
def test_a_secret_that_is_the_beginning_of_another_leaves_no_tail(prefix: str, rest: str) -> None:
    assert masks(prefix, prefix + rest).sub("***", prefix + rest) == "***"


@given(
    secret=st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=16, max_size=80),
    count=st.integers(2, 5),
)
def test_each_line_of_a_longer_secret_is_hidden_separately(secret: str, count: int) -> None:
    lines = [f"{number}{secret}" for number in range(count)]
    replacer = masks("-----BEGIN KEY-----\n" + "\n".join(lines) + "\n-----END KEY-----\n")
    for line in lines:
        assert line not in replacer.sub("***", f"a line: {line}")
    assert replacer.sub("***", "-----BEGIN KEY-----") == "-----BEGIN KEY-----"


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\ue000"), max_size=10_000))
def test_text_without_a_secret_is_unchanged(text: str) -> None:
    replacer = masks("\ue000 a secret of letters that are nowhere else \ue000")
    assert replacer.sub("***", text) is text

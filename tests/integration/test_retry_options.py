"""Texts of errors that the user has called passing trouble."""

import pytest


@pytest.fixture
def plan(penstock, database):
    def run(**settings):
        settings = {"retry_sleep_seconds": "0", "max_retries": "2", **settings}
        return penstock(
            "plan", "--config", penstock.configure({**database.configuration(), **settings})
        )

    return run


@pytest.mark.parametrize("option", ["deadlock_patterns", "timeout_patterns"])
def test_error_that_a_pattern_matches_is_tried_again(plan, option):
    missing = {"database": "no_such_database"}
    assert "trying again" not in plan(**missing).err
    done = plan(**missing, **{option: "never seen, DATABASE .* does NOT exist"})
    assert done.err.count("trying again") == 2
    assert "given up after 2 retries" in done.err


def test_pattern_that_is_no_expression_is_refused_by_name(plan):
    done = plan(deadlock_patterns="fine, (open")
    assert done.code == 2
    assert '"deadlock_patterns": `(open` is no regular expression' in done.err

"""Fixtures of the tests that kill."""

import os
import random

import pytest


@pytest.fixture
def chance():
    """Random numbers that a failure can be repeated with."""
    seed = int(os.environ.get("PENSTOCK_KILL_SEED", random.randrange(2**32)))
    print(f"PENSTOCK_KILL_SEED={seed}")
    return random.Random(seed)

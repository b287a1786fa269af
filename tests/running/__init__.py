"""Tests of :mod:`conformance.running`."""

import pytest

pytest.register_assert_rewrite("tests.running.trials")

"""Tests of :mod:`conformance.rules`."""

import pytest

pytest.register_assert_rewrite("tests.rules.marked")

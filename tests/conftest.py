"""Fixtures that tests of several packages share."""

from tests.workshop import workshop

__all__ = ["workshop"]

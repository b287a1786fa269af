"""Tests of :mod:`conformance.rules`."""

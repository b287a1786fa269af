"""A case -> a standalone script for a bug report: :func:`script`."""

from conformance.repro.script import script

__all__ = ["script"]

"""The contract an implementation answers, the adapters that come with the suite, and how one is found by name."""

from conformance.implementations.contract import Implementation
from conformance.implementations.discovery import available, find

__all__ = ["Implementation", "available", "find"]

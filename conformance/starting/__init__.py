"""The suite in somebody else's project: an adapter to begin with, known failures of a first run, a CI configuration.

Nothing here asks or prints; ``conformance init`` does. Nothing that is there already is ever written to.
"""

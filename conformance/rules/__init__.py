"""What a rule is, and how a spec file becomes one; start at :mod:`conformance.rules.loading`."""

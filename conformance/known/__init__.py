"""Known failures: what users write down of them, and what a run makes of it.

They live outside the rules, in a YAML file of the user's own (``docs/known-failures.md``). Known is a view of results
and no fact: in a results file a known failure is a failure like any other.
"""

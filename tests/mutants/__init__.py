"""Wrong implementations of torch that the rules of specs/ must catch, and changes of no consequence that they must not.

Each module holds the faults of one area, a function each; :mod:`tests.mutants.mutant` says what a mutant is and
:mod:`tests.mutants.detection` runs the rules under one. ``python -m tests.mutants`` shows what each mutant turns red
and which rules no mutant does.
"""

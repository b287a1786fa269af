"""What things cost: the harness beside a bare loop, the plugin beside hand-written tests, growth, the reference.

``nox -s bench`` runs ``pytest benchmarks``. No figure is asserted; they are written to ``reports/benchmarks.json`` and
``docs/benchmarks.md``. A ratio is taken side by side: the two things alternate round by round in one run, and the
figure is the median of the rounds' own ratios, so that a machine that is busy for a while slows both.
"""

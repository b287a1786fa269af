"""A conformance suite for the semantics of PyTorch.

Data flows one way, and each arrow is one public function:

    YAML --rules.load--> Rule --running.expand--> Case --running.run--> Outcome --results--> file --report--> page

``rules``            what a rule is, and how a spec file becomes one
``implementations``  the contract an implementation answers, and the adapters for torch and the reference
``reference``        PyTorch's semantics in readable NumPy; imports nothing from the rest of the package
``running``          one case on one implementation -> one outcome
``results``          the results file: writing as outcomes come, reading, counting
``report``           what people look at
``plugin``, ``cli``  pytest and the command line: glue, and only glue

Importing this module imports nothing else: a pytest session that does not use the suite must not pay for it.
"""

__version__ = "0.1.0"

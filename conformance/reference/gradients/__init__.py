"""Gradient rules: tables from an operation's name to one function for each differentiable input.

`RULES["mul"]["self"]` is `lambda grad, other: grad * conj(other)`: the gradient of the result comes first, and the
other parameter names say what the rule needs, so that only that is saved. What names there are is told in
`dispatch.py`. The rules are written with operations of the reference, hence differentiable themselves; `ops` holds all
of them by name.
"""

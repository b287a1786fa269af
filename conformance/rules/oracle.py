"""The right side of `then`: which NumPy an expectation may use, checked statically.

An expectation is computed by the harness in float64 and never touches the implementation under test, so its language
is NumPy's and not torch's: arithmetic over givens and parameters, the array functions and methods listed here, and a
few helpers named after what they compute. The helpers themselves are in :mod:`conformance.running.oracle`.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable
from dataclasses import dataclass, field

from conformance.rules.parameters import DTYPES

HELPERS = frozenset(
    {"channels", "per_channel", "normalise", "softmax", "log_softmax", "sigmoid", "reduced", "conv", "grad"}
)
CONSTANTS = frozenset({"nan", "inf", "pi", "none"}) | (DTYPES - {"bool"})
BUILTINS = frozenset(
    """abs all any bool complex dict enumerate float int isinstance len list max min pow range reversed round set
    slice sorted str sum tuple zip True False None Ellipsis""".split()
)
NUMPY = frozenset(
    """abs add all allclose amax amin angle any append arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh
    argmax argmin argsort argwhere array array_equal asarray atleast_1d atleast_2d average broadcast_arrays
    broadcast_shapes broadcast_to ceil clip concatenate conj conjugate convolve copysign cos cosh count_nonzero
    cross cumprod cumsum deg2rad diag diagonal diff divide dot einsum empty equal exp exp2 expand_dims expm1 eye
    fabs flatnonzero flip float16 float32 float64 floor floor_divide fmax fmin fmod full full_like gradient
    greater greater_equal heaviside histogram hstack hypot identity imag indices inf inner int16 int32 int64
    int8 interp invert isclose isfinite isinf isnan isreal ix_ kron less less_equal linspace log log10 log1p
    log2 logaddexp logical_and logical_not logical_or logical_xor matmul maximum mean median meshgrid min max
    minimum mod moveaxis multiply nan nan_to_num nancumsum nanmax nanmean nanmin nansum ndarray ndim ndindex
    negative newaxis nonzero not_equal ones ones_like outer pad percentile pi power prod ptp put_along_axis
    quantile ravel real reciprocal remainder repeat reshape rint roll roots rot90 round searchsorted shape sign
    signbit sin sinc sinh size sort split sqrt square squeeze stack std subtract sum swapaxes take
    take_along_axis tan tanh tensordot tile trace transpose tri tril triu true_divide trunc uint8 unique
    unravel_index vander var vdot vstack where zeros zeros_like bool_ complex64 complex128 errstate e linalg
    linalg.norm linalg.inv linalg.solve linalg.det linalg.qr linalg.svd linalg.eigh linalg.eigvalsh
    linalg.cholesky linalg.pinv linalg.matrix_power lib.stride_tricks.sliding_window_view array_split
    column_stack delete fill_diagonal insert nanprod float_power isscalar spacing nextafter bincount cov
    corrcoef digitize trapezoid result_type can_cast promote_types""".split()
)  # fmt: skip
METHODS = frozenset(
    """T all any argmax argmin argsort astype clip conj copy cumprod cumsum diagonal dot dtype fill flat flatten imag
    item max mean min ndim nonzero prod ravel real repeat reshape round shape size sort squeeze std strides sum
    swapaxes take tolist trace transpose var get keys values items append extend insert index count at outer
    accumulate reduce pop""".split()
)

_ALLOWED = (
    ast.Expression, ast.Module, ast.Expr, ast.Call, ast.Attribute, ast.Subscript, ast.Slice, ast.Name, ast.Constant,
    ast.Starred, ast.keyword, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp, ast.comprehension, ast.Lambda, ast.IfExp, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare,
    ast.arguments, ast.arg, ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip
_IN_BLOCKS = (
    ast.Assign,
    ast.AugAssign,
    ast.FunctionDef,
    ast.Return,
    ast.For,
    ast.If,
    ast.Pass,
    ast.Break,
    ast.Continue,
)

Report = Callable[[int, int, str, str], None]


@dataclass
class OracleChecker:
    """Checks one expectation, or with ``block`` a few statements that prepare expectations.

    ``made`` are the names that `when` makes: using one here is the commonest mistake, and has a hint of its own.
    ``fixed`` are names that a block may not bind again. With ``condition`` there is no NumPy: whether a case exists is
    decided from the parameters alone.
    """

    report: Report
    known: frozenset[str]
    made: frozenset[str] = frozenset()
    block: bool = False
    condition: bool = False
    fixed: frozenset[str] = frozenset()
    loads: set[str] = field(default_factory=set)
    stores: set[str] = field(default_factory=set)

    def check(self, tree: ast.AST) -> None:
        """Visit the tree, reporting every refusal."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.stores.add(node.id)
            elif isinstance(node, ast.arg):
                self.stores.add(node.arg)
            elif isinstance(node, ast.FunctionDef):
                self.stores.add(node.name)
        self._visit(tree)

    def _visit(self, node: ast.AST) -> None:
        allowed = (*_ALLOWED, *_IN_BLOCKS) if self.block else _ALLOWED
        if not isinstance(node, allowed):
            self._refuse(node, f"{type(node).__name__} is not part of an expectation", "a NumPy expression is expected")
            return
        if isinstance(node, ast.Name):
            self._name(node)
        elif isinstance(node, ast.Attribute):
            self._attribute(node)
            return
        for child in ast.iter_child_nodes(node):
            self._visit(child)

    def _name(self, node: ast.Name) -> None:
        name = node.id
        if not isinstance(node.ctx, ast.Load):
            if name in self.fixed or name in HELPERS or name in CONSTANTS or name == "np":
                self._refuse(node, f"'{name}' cannot be bound again", "choose another name")
            return
        self.loads.add(name)
        if name in self.known or name in self.stores or name in BUILTINS:
            return
        if not self.condition and (name == "np" or name in HELPERS or name in CONSTANTS):
            return
        if name == "it":
            self._refuse(node, "'it' stands only in 'holds'", "it is the observed value there")
            return
        if name in self.made:
            message = f"'{name}' is made in 'when', and an expectation sees only givens and parameters"
            self._refuse(node, message, f"to relate two observations write 'same_as: {name}' or 'close_to: {name}'")
            return
        if self.condition:
            pool = {*self.known, *BUILTINS}
            hint = "a condition sees dtype, device and the parameters that are data"
        else:
            pool = {*self.known, *HELPERS, *CONSTANTS, *BUILTINS, "np"}
            hint = "an expectation sees givens, parameters, np and the helpers"
        close = difflib.get_close_matches(name, sorted(pool), n=1)
        hint = f"did you mean '{close[0]}'?" if close else hint
        self._refuse(node, f"unknown name '{name}'", hint)

    def _attribute(self, node: ast.Attribute) -> None:
        parts = [node.attr]
        base: ast.expr = node.value
        while isinstance(base, ast.Attribute):
            parts.append(base.attr)
            base = base.value
        parts.reverse()
        if isinstance(base, ast.Name) and base.id == "np" and not self.condition:
            longest = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in NUMPY), 0)
            if not longest:
                close = difflib.get_close_matches(".".join(parts), NUMPY, n=1)
                hint = (
                    f"did you mean 'np.{close[0]}'?" if close else "the allowed functions are listed in docs/rules.md"
                )
                self._refuse(node, f"'np.{'.'.join(parts)}' is not part of an expectation", hint)
                return
            parts = parts[longest:]
        else:
            self._visit(base)
        for part in parts:
            if part not in METHODS:
                close = difflib.get_close_matches(part, METHODS, n=1)
                hint = f"did you mean '{close[0]}'?" if close else "expectations are NumPy, not torch"
                self._refuse(node, f"'.{part}' is not part of an expectation", hint)

    def _refuse(self, node: ast.AST, message: str, hint: str = "") -> None:
        self.report(getattr(node, "lineno", 1), getattr(node, "col_offset", 0), message, hint)


def names_made(tree: ast.AST) -> frozenset[str]:
    """The names that a block leaves to the expectations after it: those bound outside its functions."""
    made: set[str] = set()
    todo = list(ast.iter_child_nodes(tree))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef):
            made.add(node.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            made.add(node.id)
        elif isinstance(node, (ast.stmt, ast.Tuple, ast.List, ast.Starred)):
            todo += ast.iter_child_nodes(node)
    return frozenset(made)

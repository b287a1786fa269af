"""The small part of Python that `when`, parameters and the left sides of `then` may use, checked statically.

The check closes the language: statements and expressions by list, API names by vocabulary, members by vocabulary,
builtins by list. It runs on the syntax tree when a file is loaded, so that a wrong line is an error with its position
before anything runs; the code then runs with Python's real builtins, because replacing those breaks torch and NumPy.
"""

from __future__ import annotations

import ast
import builtins
import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from conformance.rules.vocabulary import NAMESPACES, Vocabulary

WORDS = frozenset(
    {"raises", "warns", "spy", "snapshot", "deepcopy", "reload", "buffer", "lifetimes", "in_thread", "device", "dtype"}
)
BUILTINS = frozenset(
    """abs all any bool bytes callable complex dict enumerate filter float frozenset hash id int isinstance iter
    issubclass len list map max min next object print range repr reversed round set slice sorted staticmethod
    classmethod property str sum super tuple type zip None True False NotImplemented Ellipsis""".split()
) | {name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)}
PYTHON_MEMBERS = frozenset(
    """append extend insert pop popitem remove clear copy count index keys values items get update setdefault add
    discard union intersection difference issubset issuperset sort reverse startswith endswith split join strip
    lower upper replace real imag conjugate is_integer getvalue seek read write
    calls args objects kwargs track alive category message args name param""".split()
)
DUNDERS = frozenset({"__init__", "__call__", "__enter__", "__exit__", "__torch_function__", "__getitem__", "__len__"})
UNDERSCORED = frozenset({"_version", "_base", "_is_view"})

_STATEMENTS = (
    ast.Assign, ast.AugAssign, ast.Expr, ast.With, ast.For, ast.If, ast.FunctionDef, ast.Return, ast.ClassDef,
    ast.Raise, ast.Delete, ast.Pass, ast.Break, ast.Continue, ast.Nonlocal,
)  # fmt: skip
_EXPRESSIONS = (
    ast.Call, ast.Attribute, ast.Subscript, ast.Slice, ast.Name, ast.Constant, ast.Starred, ast.keyword, ast.List,
    ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension,
    ast.Lambda, ast.IfExp, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Yield, ast.arguments, ast.arg,
    ast.withitem, ast.Module, ast.Expression, ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip
_ALLOWED = (*_STATEMENTS, *_EXPRESSIONS)
_NAMES_OF_NODES = {
    ast.Import: "import", ast.ImportFrom: "import", ast.While: "while", ast.Try: "try", ast.Global: "global",
    ast.Assert: "assert", ast.AsyncFunctionDef: "async", ast.AsyncFor: "async", ast.AsyncWith: "async",
    ast.Await: "await", ast.JoinedStr: "an f-string", ast.NamedExpr: "':='", ast.Match: "match",
    ast.AnnAssign: "an annotation", ast.YieldFrom: "yield from",
}  # fmt: skip
_ADVICE = {
    ast.Import: "everything a rule needs is there already: torch, nn, F, optim and the language's words",
    ast.ImportFrom: "everything a rule needs is there already: torch, nn, F, optim and the language's words",
    ast.Try: "state the error with 'with raises(...)'",
    ast.Assert: "state what is expected under 'then:'",
    ast.While: "loop over a range",
}

Report = Callable[[int, int, str, str], None]


@dataclass
class Uses:
    """What a piece of code uses and makes; the facts that the rest of loading needs."""

    names: set[str] = field(default_factory=set)  # dotted API names
    members: set[str] = field(default_factory=set)
    loads: set[str] = field(default_factory=set)  # plain names read
    stores: set[str] = field(default_factory=set)  # plain names made at any depth
    words: set[str] = field(default_factory=set)
    own_members: set[str] = field(default_factory=set)  # attributes and methods that the code itself makes
    buffers: set[str] = field(default_factory=set)  # plain names bound to buffer()


def parse(source: str, report: Report, mode: str = "exec") -> ast.Module | ast.Expression | None:
    """Parse ``source``; a syntax error is reported at its position and gives None."""
    try:
        return ast.parse(source, mode=mode)  # type: ignore[return-value]
    except SyntaxError as error:
        column = max((error.offset or 1) - 1, 0)
        report(error.lineno or 1, column, f"syntax error: {error.msg}", "")
    except (ValueError, RecursionError, MemoryError) as error:
        report(1, 0, f"cannot be parsed: {error or type(error).__name__}", "")
    return None


def collect(tree: ast.AST) -> Uses:
    """The names a piece of code makes, before it is checked: a name may be used above its binding (in a closure)."""
    uses = Uses()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            uses.stores.add(node.id)
        elif isinstance(node, ast.Assign) and ast.unparse(node.value) == "buffer()":
            uses.buffers.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.arg):
            uses.stores.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            uses.stores.add(node.name)
            uses.own_members.add(node.name)
            if isinstance(node, ast.ClassDef):
                for statement in node.body:
                    for target in getattr(statement, "targets", ()):
                        if isinstance(target, ast.Name):
                            uses.own_members.add(target.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            uses.own_members.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            uses.own_members.add(node.value)
        elif isinstance(node, ast.keyword) and node.arg:
            uses.own_members.add(node.arg)
    return uses


@dataclass
class Checker:
    """Checks one piece of code; ``known`` are the names it may read, ``fixed`` those it may not bind again."""

    vocabulary: Vocabulary
    report: Report
    known: frozenset[str]
    fixed: frozenset[str]
    own_members: frozenset[str] = frozenset()
    observing: bool = False
    buffers: frozenset[str] = frozenset()
    uses: Uses = field(default_factory=Uses)

    def check(self, tree: ast.AST) -> Uses:
        """Visit the whole tree, reporting every refusal, and return what it uses."""
        self._visit(tree, None)
        return self.uses

    def _visit(self, node: ast.AST, parent: ast.AST | None) -> None:
        if not isinstance(node, _ALLOWED):
            kind = _NAMES_OF_NODES.get(type(node), type(node).__name__)
            self._refuse(node, f"{kind} is not part of the language", _ADVICE.get(type(node), "see docs/rules.md"))
            return
        method = getattr(self, f"_visit_{type(node).__name__.lower()}", None)
        if method is not None:
            method(node, parent)
        else:
            self._children(node)

    def _children(self, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            self._visit(child, node)

    def _refuse(self, node: ast.AST, message: str, hint: str = "") -> None:
        self.report(getattr(node, "lineno", 1), getattr(node, "col_offset", 0), message, hint)

    # -- names -------------------------------------------------------------------------------------------------

    def _visit_name(self, node: ast.Name, parent: ast.AST | None) -> None:
        name = node.id
        if isinstance(node.ctx, ast.Store):
            if name in self.fixed or name in WORDS or name in NAMESPACES:
                self._refuse(node, f"'{name}' cannot be bound again", "givens, parameters and words keep their meaning")
            elif name.startswith("__"):
                self._refuse(node, f"'{name}' is not part of the language")
            self.uses.stores.add(name)
            return
        self.uses.loads.add(name)
        if name in NAMESPACES:
            self._refuse(node, f"'{name}' alone is a namespace, not a value", f"name something in it, as in {name}.…")
        elif name in WORDS:
            self.uses.words.add(name)
            if name in ("raises", "warns") and not isinstance(parent, ast.Call):
                self._refuse(node, f"'{name}' is only used as 'with {name}(...):'")
        elif name not in self.known and name not in BUILTINS:
            close = difflib.get_close_matches(name, [*self.known, *WORDS, *BUILTINS, *NAMESPACES], n=1)
            hint = f"did you mean '{close[0]}'?" if close else "it is no given, parameter, word or name made above"
            self._refuse(node, f"unknown name '{name}'", hint)

    def _visit_arg(self, node: ast.arg, parent: ast.AST | None) -> None:
        if node.arg in WORDS - {"device", "dtype"} or node.arg in NAMESPACES:
            self._refuse(node, f"'{node.arg}' cannot be bound again", "words of the language keep their meaning")
        if node.annotation is not None:
            self._refuse(node, "an annotation is not part of the language")
        self.uses.stores.add(node.arg)

    def _visit_attribute(self, node: ast.Attribute, parent: ast.AST | None) -> None:
        chain = _dotted(node)
        if chain is not None and chain[0] in NAMESPACES:
            self._api_name(node, chain)
            return
        self._member(node, node.attr)
        self._visit(node.value, node)

    def _api_name(self, node: ast.Attribute, chain: list[str]) -> None:
        for length in range(len(chain), 1, -1):
            name = ".".join(chain[:length])
            if name in self.vocabulary.kinds:
                self.uses.names.add(name)
                for member in chain[length:]:
                    self._member(node, member)
                return
        full = ".".join(chain)
        self._refuse(node, f"'{full}' is not in the vocabulary", self.vocabulary.nearest(full, self.vocabulary.kinds))

    def _member(self, node: ast.Attribute, member: str) -> None:
        self.uses.members.add(member)
        if member.startswith("__") and member not in DUNDERS:
            self._refuse(node, f"'{member}' is not part of the language", "dunder attributes reach into Python itself")
            return
        if isinstance(node.ctx, ast.Store) and not member.startswith("_"):
            return
        if member in self.vocabulary.members or member in PYTHON_MEMBERS or member in DUNDERS or member in UNDERSCORED:
            return
        if member in self.own_members and not member.startswith("_"):
            return
        self._refuse(
            node,
            f"member '{member}' is not in the vocabulary",
            self.vocabulary.nearest(member, self.vocabulary.members),
        )

    # -- statements and calls ----------------------------------------------------------------------------------

    def _visit_with(self, node: ast.With, parent: ast.AST | None) -> None:
        for item in node.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "raises":
                if len(node.body) != 1:
                    self._refuse(node.body[1], "'raises' takes exactly one statement", "move the others out of it")
                if len(call.args) != 1 or call.keywords:
                    self._refuse(call, "'raises' takes one error class, or None", "as in raises(RuntimeError)")
        self._children(node)

    def _visit_functiondef(self, node: ast.FunctionDef, parent: ast.AST | None) -> None:
        if node.name.startswith("__") and node.name not in DUNDERS:
            self._refuse(node, f"'{node.name}' is not part of the language")
        if node.name in self.fixed or node.name in WORDS:
            self._refuse(
                node, f"'{node.name}' cannot be bound again", "givens, parameters and words keep their meaning"
            )
        if node.returns is not None:
            self._refuse(node.returns, "an annotation is not part of the language")
        self._children(node)

    def _visit_classdef(self, node: ast.ClassDef, parent: ast.AST | None) -> None:
        if node.name in self.fixed or node.name in WORDS:
            self._refuse(
                node, f"'{node.name}' cannot be bound again", "givens, parameters and words keep their meaning"
            )
        self._children(node)

    def _visit_call(self, node: ast.Call, parent: ast.AST | None) -> None:
        if self.observing and not self._is_observer(node.func):
            called = ast.unparse(node.func)
            hint = "a call on the left of 'then' may only look; call it in 'when' and observe the result"
            self._refuse(node, f"'{called}(...)' is not an observer", hint)
        self._check_file(node)
        self._children(node)

    def _check_file(self, node: ast.Call) -> None:
        """Saving and loading reach memory only: the file is a name bound to ``buffer()``."""
        position = {"torch.load": 0, "torch.save": 1}.get(dotted_name(node.func) or "")
        if position is None:
            return
        given = node.args[position] if position < len(node.args) else None
        if not (isinstance(given, ast.Name) and given.id in self.buffers):
            self._refuse(node, f"'{ast.unparse(node.func)}' of something that is no buffer", "name one: f = buffer()")

    def _is_observer(self, function: ast.expr) -> bool:
        chain = _dotted(function) if isinstance(function, ast.Attribute) else None
        if chain is not None and chain[0] in NAMESPACES:
            return ".".join(chain) in self.vocabulary.observers
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        return name in self.vocabulary.observers


def _dotted(node: ast.expr) -> list[str] | None:
    """``torch.autograd.grad`` -> its parts, or None where the chain does not start at a plain name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return [node.id, *reversed(parts)]


def dotted_name(node: ast.expr) -> str | None:
    """The dotted API name of an expression, or None."""
    chain = _dotted(node) if isinstance(node, ast.Attribute) else None
    return ".".join(chain) if chain and chain[0] in NAMESPACES else None


def plain_names(sources: Iterable[str]) -> set[str]:
    """Every plain name that occurs in the expressions; sources that do not parse count for nothing."""
    found: set[str] = set()
    for source in sources:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        found.update(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return found

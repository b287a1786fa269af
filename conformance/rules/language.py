"""The small part of Python that `when`, parameters and the left sides of `then` may use, checked statically.

The check closes the language: statements and expressions by list, API names by vocabulary, members by vocabulary,
builtins by list. It runs on the syntax tree when a file is loaded, so that a wrong line is an error with its position
before anything runs; the code then runs with Python's real builtins, because replacing those breaks torch and NumPy.
"""

from __future__ import annotations

import ast
import builtins
import difflib
import types
from dataclasses import dataclass, field

from conformance.rules.syntax import Report, Uses
from conformance.rules.vocabulary import NAMESPACES, Vocabulary

WORDS = frozenset(
    """raises warns spy snapshot deepcopy reload buffer lifetimes allocated in_thread device dtype""".split()
)
#: What an implementation needs for a word, besides what the names beside it need.
CAPABILITY_OF_WORD = {"allocated": "allocator_statistics"}
BUILTINS = frozenset(
    """abs all any bool bytes callable complex dict enumerate filter float frozenset hasattr hash id int isinstance iter
    issubclass len list map max min next object print range repr reversed round set slice sorted staticmethod
    classmethod property str sum super tuple type zip None True False NotImplemented Ellipsis""".split()
) | {name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)}
PYTHON_MEMBERS = frozenset(
    """append extend insert pop popitem remove clear copy count index keys values items get update setdefault add
    discard union intersection difference issubset issuperset sort reverse startswith endswith split join strip
    lower upper replace real imag conjugate is_integer getvalue seek read
    send calls args objects kwargs track alive category message name param""".split()
)
DUNDERS = frozenset({"__init__", "__call__", "__enter__", "__exit__", "__torch_function__", "__getitem__", "__len__"})
UNDERSCORED = frozenset({"_version", "_base", "_is_view"})
#: Members that no name of a rule's own makes right: they reach frames, files and the insides of Python.
_INSIDES = frozenset(
    name
    for kind in (
        types.FrameType, types.CodeType, types.TracebackType, types.GeneratorType, types.CoroutineType,
        types.AsyncGeneratorType, types.MethodType, types.FunctionType, types.ModuleType,
    )
    for name in dir(kind)
    if name not in PYTHON_MEMBERS
) | frozenset(
    ("format", "format_map", "mro", "with_traceback", "write", "writelines", "tofile", "dump", "dumps", "from_file")
)  # fmt: skip
_BUFFERED = {"torch.load": 0, "torch.save": 1}  # where the file stands among the arguments

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
    ast.AnnAssign: "an annotation", ast.YieldFrom: "yield from", getattr(ast, "TryStar", None): "try",
    getattr(ast, "TypeAlias", None): "type", getattr(ast, "TemplateStr", None): "a t-string",
}  # fmt: skip
_ADVICE = {
    ast.Import: "everything a rule needs is there already: torch, nn, F, optim and the language's words",
    ast.ImportFrom: "everything a rule needs is there already: torch, nn, F, optim and the language's words",
    ast.Try: "state the error with 'with raises(...)'",
    ast.Assert: "state what is expected under 'then:'",
    ast.While: "loop over a range",
    ast.JoinedStr: "a rule has no text to format",
    ast.NamedExpr: "assign on a line of its own",
}
_NAME_ADVICE = {
    "open": "a file in memory is buffer()",
    "getattr": "write the attribute, as in x.grad",
    "setattr": "assign the attribute, as in x.grad = None",
    "delattr": "delete the attribute, as in del x.grad",
    "np": "NumPy stands on the right of 'then'; in 'when' say it with torch",
    "numpy": "NumPy stands on the right of 'then'; in 'when' say it with torch",
    "true": "did you mean 'True'?",
    "false": "did you mean 'False'?",
    "none": "did you mean 'None'?",
    "null": "did you mean 'None'?",
}


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
            if name in ("raises", "warns") and not (isinstance(parent, ast.Call) and parent.func is node):
                self._refuse(node, f"'{name}' is only used as 'with {name}(...):'")
        elif name not in self.known and name not in BUILTINS:
            self._unknown(node, name)

    def _unknown(self, node: ast.Name, name: str) -> None:
        if name in vars(builtins) or name.startswith("__"):
            self._refuse(node, f"'{name}' is not part of the language", _NAME_ADVICE.get(name, "see docs/rules.md"))
            return
        close = difflib.get_close_matches(name, sorted({*self.known, *WORDS, *BUILTINS, *NAMESPACES}), n=1)
        hint = f"did you mean '{close[0]}'?" if close else "it is no given, parameter, word or name made above"
        self._refuse(node, f"unknown name '{name}'", _NAME_ADVICE.get(name, hint))

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
            name = ".".join(chain)
            if name in _BUFFERED and not (isinstance(parent, ast.Call) and parent.func is node):
                self._refuse(node, f"'{name}' is only called", "it reaches memory only: f = buffer()")
            return
        if chain is not None and chain[0] not in self.known and chain[0] not in BUILTINS and chain[0] not in WORDS:
            self._visit(node.value, node)  # of an unknown name no member is known
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
                if not isinstance(node.ctx, ast.Load) and self.vocabulary.kinds[name] != "values":
                    hint = "a rule changes what it made itself, and global state through the functions for it"
                    self._refuse(node, f"'{'.'.join(chain)}' belongs to the implementation", hint)
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
        if member in _INSIDES:
            self._refuse(node, f"'{member}' is not part of the language", "it reaches into Python itself")
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
            if _called(item.context_expr) == "raises":
                if len(node.body) != 1:
                    self._refuse(node.body[1], "'raises' takes exactly one statement", "move the others out of it")
                if item.optional_vars is not None:
                    hint = "messages are not compared; name the class of the error"
                    self._refuse(item.optional_vars, "'raises' gives nothing to name", hint)
        self._children(node)

    def _visit_comprehension(self, node: ast.comprehension, parent: ast.AST | None) -> None:
        if node.is_async:
            self._refuse(node.target, "async is not part of the language", "see docs/rules.md")
        self._children(node)

    def _visit_functiondef(self, node: ast.FunctionDef, parent: ast.AST | None) -> None:
        if node.name.startswith("__") and node.name not in DUNDERS:
            self._refuse(node, f"'{node.name}' is not part of the language")
        if node.name in self.fixed or node.name in WORDS or node.name in NAMESPACES:
            self._refuse(
                node, f"'{node.name}' cannot be bound again", "givens, parameters and words keep their meaning"
            )
        if node.returns is not None:
            self._refuse(node.returns, "an annotation is not part of the language")
        self._children(node)

    def _visit_classdef(self, node: ast.ClassDef, parent: ast.AST | None) -> None:
        if node.name in self.fixed or node.name in WORDS or node.name in NAMESPACES:
            self._refuse(
                node, f"'{node.name}' cannot be bound again", "givens, parameters and words keep their meaning"
            )
        self._children(node)

    def _visit_call(self, node: ast.Call, parent: ast.AST | None) -> None:
        unknown = (name := dotted_name(node.func)) is not None and name not in self.vocabulary.kinds
        if self.observing and not self._is_observer(node.func) and not unknown:
            called = ast.unparse(node.func)
            hint = "a call on the left of 'then' may only look; call it in 'when' and observe the result"
            self._refuse(node, f"'{called}(...)' is not an observer", hint)
        self._check_file(node)
        if (word := _called(node)) in ("raises", "warns"):
            self._check_expected(node, str(word), parent)
        self._children(node)

    def _check_expected(self, node: ast.Call, word: str, parent: ast.AST | None) -> None:
        """``raises(E)`` and ``warns(E)`` take one class, several in brackets, or None, and stand behind ``with``."""
        if not isinstance(parent, ast.withitem):
            self._refuse(node, f"'{word}' is only used as 'with {word}(...):'")
        kind = "error" if word == "raises" else "warning"
        example = "RuntimeError" if word == "raises" else "UserWarning"
        if len(node.args) != 1 or node.keywords:
            self._refuse(node, f"'{word}' takes one {kind} class, or None", f"as in {word}({example})")
            return
        for one in _alternatives(node.args[0]):
            if not _may_be_class(one):
                self._refuse(one, f"'{ast.unparse(one)}' is no {kind} class", f"as in {word}({example})")

    def _check_file(self, node: ast.Call) -> None:
        """Saving and loading reach memory only: the file is a name bound to ``buffer()``."""
        position = _BUFFERED.get(dotted_name(node.func) or "")
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


def _alternatives(node: ast.expr) -> list[ast.expr]:
    """The parts of ``(A, B)`` and of ``A if condition else B``."""
    if isinstance(node, ast.Tuple):
        return [one for part in node.elts for one in _alternatives(part)]
    if isinstance(node, ast.IfExp):
        return _alternatives(node.body) + _alternatives(node.orelse)
    return [node]


def _may_be_class(node: ast.expr) -> bool:
    """Whether an expression can be a class of errors, or None."""
    if isinstance(node, ast.Constant):
        return node.value is None
    if not isinstance(node, ast.Name):
        return isinstance(node, ast.Attribute)
    found = getattr(builtins, node.id, Exception)
    return isinstance(found, type) and issubclass(found, BaseException)


def _called(node: ast.expr) -> str | None:
    """The plain name that is called, or None."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None


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

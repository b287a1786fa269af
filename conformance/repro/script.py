"""A case -> Python source that fails or passes as the case does and needs only the implementation.

The script is written to be pasted into a bug report: what the rule says, the data as literals, `when` as ordinary code,
and a line for each check, which is made whatever became of those before it. Exit status: 0 where all checks hold, 1
where one does not or an error comes that nothing expects, 77 (a skipped test, by convention) where that error says
that the implementation lacks something. NumPy is imported by scripts whose data is an array (``as: numpy``) or whose
rule has a condition in NumPy (``holds``), and by those for adapters.

The case is a function at the top and its helpers follow, so that the reader sees first what matters, and no name that
a rule binds can come between a helper and what it uses.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from conformance.errors import ConformanceError
from conformance.implementations.contract import Implementation
from conformance.repro import pieces
from conformance.repro.adapters import Brought, brought
from conformance.repro.expectations import Expectations
from conformance.repro.givens import Givens
from conformance.repro.literals import laid_out
from conformance.repro.paper import on_paper, prepared
from conformance.repro.subject import Subject, subject_of
from conformance.rules import expectations as expect
from conformance.rules.model import Code, DType, Given, Observation, Rule
from conformance.rules.parameters import DTYPES, bindings_of
from conformance.rules.syntax import collect
from conformance.rules.vocabulary import Vocabulary, load_vocabulary
from conformance.running.cases import Case
from conformance.running.execute import DEFAULT_DTYPES, SEED, Runner
from conformance.running.outcome import RuleBroken
from conformance.running.program import Program, code_in_place, resolve
from conformance.running.world import World


def script(
    case: Case,
    implementation: Implementation | None,
    vocabulary: Vocabulary | None = None,
    *,
    drawn: Mapping[str, Any] | None = None,
) -> str:
    """The source of a standalone script for ``case``.

    Args:
        case: a case of ``implementation``.
        implementation: None where torch is not installed: the script is for torch all the same.
        vocabulary: the API names of rules; by default the suite's.
        drawn: the values of a property's givens; by default those of its smallest failing example.

    Raises:
        ConformanceError: the case is unsupported, or its data or the implementation cannot be written down.

    """
    words = vocabulary or load_vocabulary()
    subject = subject_of(implementation)
    runner = None if implementation is None else Runner(implementation, words)
    lacking = None if runner is None else runner.missing(case)
    if lacking is not None:
        raise ConformanceError(f"{case.id} is unsupported: {lacking}", "there is nothing that a script could show")
    program, world = _prepared(case, runner, words, _drawn(case, runner, drawn))
    try:
        return _Script(case, subject, words, program, world, implementation).text()
    except RuleBroken as error:
        raise ConformanceError(f"{case.rule.id} is wrong: {error}", "the rule has to be mended first") from error


def _drawn(case: Case, runner: Runner | None, drawn: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if drawn is not None or not case.rule.is_property:
        return drawn or {}
    if runner is None:
        raise ConformanceError(f"the values of {case.rule.id} are drawn while it runs, and torch is not installed")
    from conformance.running.properties import example

    try:
        return example(runner, case)
    except Exception as error:
        message = f"the values of {case.id} cannot be drawn: {type(error).__name__}: {error}"
        raise ConformanceError(message, "there is nothing that a script could show") from error


def _prepared(
    case: Case, runner: Runner | None, vocabulary: Vocabulary, drawn: Mapping[str, Any]
) -> tuple[Program, World]:
    """The case with its data made: on paper, unless a layer has to be asked for the shapes of its parameters."""
    layer = next((given.value for given in _all_givens(case.rule.givens) if given.form == "module"), None)
    if layer is None:
        return on_paper(
            case, drawn, vocabulary, DTYPES if runner is None else runner.implementation.dtypes(case.device)
        )
    if runner is None:
        raise ConformanceError(f"{case.rule.id} builds {layer} with torch, which is not installed")
    return prepared(case, runner, drawn)


_ASKED = re.compile(r"\bimplementation\.(\w+)")


class _Script:
    """Puts the parts of one script together."""

    def __init__(
        self,
        case: Case,
        subject: Subject,
        vocabulary: Vocabulary,
        program: Program,
        world: World,
        implementation: Implementation | None,
    ) -> None:
        self.case = case
        self.rule: Rule = case.rule
        self.subject = subject
        self.vocabulary = vocabulary
        self.program = program
        self.world = world
        self.tensor = None if implementation is None else getattr(implementation.torch, "Tensor", None)
        self.bindings = bindings_of(case.row)
        self.implementation = implementation
        self.taken = self._taken()
        self.used: set[str] = {"run", *program.words}
        self.nested = False

    def text(self) -> str:
        """The whole script."""
        parts = [list(self._parameters()), list(self._givens())]
        if not self.world.findings:  # else a layer among the data cannot be built, and the case ends there
            parts += [list(self._when()), list(self._checks())]
        body = "\n\n".join("\n".join(part) for part in parts if part)
        chosen = self._helpers(body)
        set_up = list(self._set_up())
        texts = [*map(pieces.text, chosen)]
        adapter = self._adapter("\n".join([body, *texts, *set_up]))
        lists = sum("\n" not in piece.source for piece in chosen)  # they come first
        loads = _loads(body).union(*(piece.reads for piece in chosen))
        imports = self._imports(chosen, loads, adapter.imports if adapter else frozenset())
        sections = [
            "\n".join([self._header(), "", *imports, *([] if adapter else ["", *set_up])]),
            f"def case():\n{textwrap.indent(body, '    ')}",
            "# -- what the case uses " + "-" * 76 + "\n\n" + "\n".join(texts[:lists]),
            *texts[lists:],
            *([adapter.source, "\n".join(set_up)] if adapter else []),
            "\n".join([*self._other_names(), "run(case)"]),
        ]
        return "\n\n\n".join(sections) + "\n"

    def place(self, source: str) -> str:
        """An expression in the language of `when`, with the row's code in place; as written where nothing changes."""
        placed = ast.unparse(code_in_place(source, self.bindings, self.vocabulary))
        return source if placed == ast.unparse(ast.parse(source, mode="eval")) else placed

    # -- the parts -----------------------------------------------------------------------------------------------

    def _header(self) -> str:
        rule, subject = self.rule, self.subject
        lines = [self.case.id, "", *textwrap.wrap(rule.says, 100)]
        if rule.disagreement:
            lines += textwrap.wrap(f"(The documentation says otherwise: {rule.disagreement.says})", 100)
        about = f"Source: {', '.join(rule.sources)} ({rule.level})"
        made = f" Made for {subject.name} {subject.version}." if subject.version else ""
        how = (
            f"Run it with Python.{made} Exit status 0: all checks hold; 1: not, with a line or traceback for what does "
            f"not; 77: {subject.name} lacks something that this needs."
        )
        lines += ["", about, "", *textwrap.wrap(how, 100)]
        return "\n".join(f"# {line}".rstrip() for line in lines)

    def _adapter(self, text: str) -> Brought | None:
        """What ``text`` asks of an adapter, where the script can bring it along."""
        if self.implementation is None or not self.subject.without_adapter:
            return None
        found = brought(self.implementation, {*_ASKED.findall(text)} - {"torch"})
        if found is not None:
            self.subject = self.subject.bringing()
        return found

    def _imports(self, chosen: list[pieces.Piece], loads: frozenset[str], more: frozenset[str]) -> list[str]:
        found = {line for piece in chosen for line in piece.imports.values()} | more
        found.update(pieces.import_of(word) for word in self.program.words if not pieces.is_piece(word))
        arrays = {"import numpy as np"} if "np" in loads or "import numpy as np" in found else set()
        standard = sorted(found - {"import numpy as np"}, key=lambda line: (line.startswith("from"), line))
        return [*standard, "", *arrays, *self.subject.import_lines(loads), *self.subject.namespaces(loads)]

    def _helpers(self, body: str) -> list[pieces.Piece]:
        lacking = sorted(self._missing_members())
        flavour = self.subject.helpers(
            self.case.device,
            f"{body} {self.case.parameters}",
            nested=self.nested,
            missing_members=bool(lacking),
            has_float64="float64" in self.world.dtypes,
        )
        chosen = pieces.closure({name for name in self.used if pieces.is_helper(name, flavour)}, flavour)
        if lacking:
            listed = f"missing_members = {lacking!r}"
            chosen = [pieces.Piece("missing_members", listed, frozenset(), {}), *chosen]
        return chosen

    def _other_names(self) -> Iterator[str]:
        """Names for the helpers that the case calls, where the rule binds theirs."""
        return (f"{name}_ = {name}" for name in sorted(self.used & self.taken))

    def _set_up(self) -> Iterator[str]:
        dtype = self.world.dtype
        yield f'device = "{self.case.device}"'
        yield f"dtype = {self.subject.dtype(dtype)}"
        default = DEFAULT_DTYPES.get(dtype, "float32")
        if default != "float32" and self.subject.is_adapter:
            yield f'implementation.set_default_dtype("{default}")'
        elif default != "float32":
            yield f"torch.set_default_dtype({'dtype' if default == dtype else self.subject.dtype(default)})"
        if self.subject.kind == "torch" and self.case.device.startswith("cuda"):
            yield "torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False"
        if self.rule.draws_random:
            yield f"{'implementation.seed' if self.subject.is_adapter else 'torch.manual_seed'}({SEED})"

    def _parameters(self) -> Iterator[str]:
        """The parameters that the code reads; those that are code stand in it already."""
        sources = [self.rule.when, *(given.value for given in _all_givens(self.rule.givens) if given.form == "module")]
        sources += [code for one in self.rule.observations for code in self._observed(one)]
        read = frozenset().union(*(_loads(self._in_place(source)) for source in sources))
        for name, value in self.bindings.items():
            if name in read - {"dtype"} and not isinstance(value, Code):
                shown = self.subject.dtype(value) if isinstance(value, DType) else laid_out(value, 0, 90)
                yield f"{name} = {shown}"

    def _observed(self, observation: Observation) -> Iterator[str]:
        yield observation.left
        right = resolve(observation.right, self.bindings)
        for check in expect.flatten(expect.parse_expectation(right, observation.path)):
            yield from (one.source for one in expect.observed_of(check))

    def _in_place(self, source: str) -> str:
        return ast.unparse(code_in_place(source, self.bindings, self.vocabulary, "exec"))

    def _givens(self) -> Iterator[str]:
        givens = Givens(self.world, self.subject, self.place)
        for compiled in self.program.givens:
            yield from givens.lines(compiled)
            if compiled.given.name not in self.world.data:
                break
        self.used |= givens.used

    def _when(self) -> Iterator[str]:
        """`when` as written, statement by statement; those that take in code or a device are written anew."""
        source = self.rule.when
        lines = source.splitlines()
        done = 0
        for node in ast.parse(source).body:
            first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
            if first <= done:  # two statements on a line
                yield from _unparsed(source, self.bindings, self.vocabulary, skip=done)
                return
            yield from lines[done : first - 1]
            written = "\n".join(lines[first - 1 : node.end_lineno])
            placed = self._in_place(written)
            yield written if placed == ast.unparse(node) and not _has_long_text(node) else placed
            done = node.end_lineno or done

    def _checks(self) -> Iterator[str]:
        rendered = Expectations(self.world, self.place, self.taken, self.subject.is_adapter)
        with np.errstate(all="ignore"):
            for observation, rule in zip(self.program.observations, self.rule.observations):
                if observation.condition is not None and not observation.condition(self.world.oracle):
                    continue
                parsed = expect.parse_expectation(resolve(rule.right, self.bindings), rule.path)
                for compiled, check in zip(observation.checks, parsed):
                    if compiled.condition is None or compiled.condition(self.world.oracle):
                        yield rendered.line(observation.left, compiled, check)
        self.used |= rendered.used
        self.nested = rendered.nested

    # -- names ---------------------------------------------------------------------------------------------------

    def _taken(self) -> frozenset[str]:
        """The names that the rule binds, before which helpers and modules give way."""
        made = collect(code_in_place(self.rule.when, self.bindings, self.vocabulary, "exec")).stores
        return frozenset({*made, *self.world.data, *self.bindings} - {"dtype", "device"})

    def _missing_members(self) -> set[str]:
        """Members of tensors that the rule or the reading of tensors uses, and the implementation's do not have."""
        if self.tensor is None:
            return set()
        trees = [code_in_place(self.rule.when, self.bindings, self.vocabulary, "exec")]
        trees += [code_in_place(one.left, self.bindings, self.vocabulary) for one in self.rule.observations]
        used = {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        used |= {"cpu", "numpy"} if self.subject.kind == "namespace" else set()
        return {name for name in used & self.vocabulary.tensor_members if not hasattr(self.tensor, name)}


def _all_givens(givens: tuple[Given, ...]) -> Iterator[Given]:
    for given in givens:
        yield given
        if given.form in ("sequence", "mapping"):
            yield from _all_givens(tuple(given.value if given.form == "sequence" else given.value.values()))


def _unparsed(source: str, bindings: Mapping[str, Any], vocabulary: Vocabulary, skip: int) -> Iterator[str]:
    """What stands after line ``skip``, without its comments; statements that share that line are begun again."""
    rest = [node for node in ast.parse(source).body if node.lineno >= skip]
    for node in rest[1:]:
        yield ast.unparse(code_in_place(ast.unparse(node), bindings, vocabulary, "exec"))


def _has_long_text(node: ast.AST) -> bool:
    """Whether a string goes over lines, so that indenting it would change it."""
    return any(isinstance(one, ast.Constant) and one.lineno != one.end_lineno for one in ast.walk(node))


def _loads(source: str) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))

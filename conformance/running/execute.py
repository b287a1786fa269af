"""Run one case: the one public way from a case to its outcome.

A case is set up (data, environments, seed), its statements run, its observations are made one after another without
stopping at the first that fails, and whatever global state it left behind is named and put back.
"""

from __future__ import annotations

import contextlib
import copy
import os
import re
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from conformance.errors import described, printable, said
from conformance.implementations.contract import Implementation
from conformance.rules.model import DType, Rule
from conformance.rules.parameters import bindings_of
from conformance.rules.vocabulary import Vocabulary, load_vocabulary
from conformance.running.absence import absent_method, absent_operator
from conformance.running.cases import Case
from conformance.running.checking import check_observation
from conformance.running.comparing import listed
from conformance.running.givens import make_given
from conformance.running.oracle import ENVIRONMENT
from conformance.running.outcome import Outcome, RuleBroken
from conformance.running.program import Program, compile_program, program_key
from conformance.running.words import bind, collector_paused, is_out_of_memory
from conformance.running.world import World

SEED = 2023


class _NotSupported(Exception):
    """The implementation lacks something that the case needs."""


class _Crash(Exception):
    """The implementation broke in a way after which nothing in this process can be trusted."""


class Runner:
    """Runs cases on one implementation; keeps compiled programs and what a clean global state looks like."""

    def __init__(
        self, implementation: Implementation, vocabulary: Vocabulary | None = None, examples: int = 25
    ) -> None:
        self.implementation = implementation
        self.vocabulary = vocabulary or load_vocabulary()
        self.examples = examples
        self._programs: dict[tuple[str, tuple[str, ...]], Program] = {}
        self._dtypes: dict[str, frozenset[str]] = {}
        self._lacks: dict[str, Mapping[str, str]] = {}
        self._absent_from: dict[tuple[str, str], str | None] = {}
        self._default_dtype_moved = False
        implementation.reset()
        self._clean = implementation.state()

    def run(self, case: Case) -> Outcome:
        """Run ``case``; every exception but KeyboardInterrupt becomes part of the outcome."""
        started = time.perf_counter()
        left: tuple[str, ...] = ()
        try:
            self.implementation.before_case()
            outcome = self._outcome(case)
            left = self.put_back(case)
            self.implementation.after_case()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            outcome = Outcome("error", reason=f"around the case: {described(error)}")
        return Outcome(
            outcome.status, outcome.checks, outcome.findings, printable(outcome.reason), left, outcome.unread,
            time.perf_counter() - started,
        )  # fmt: skip

    def _outcome(self, case: Case) -> Outcome:
        try:
            missing = self.missing(case)
            if missing is not None:
                return Outcome("unsupported", reason=missing)
            if case.rule.is_property:
                from conformance.running.properties import run_property

                return run_property(self, case)
            return self.run_once(case, {})
        except _NotSupported as absent:
            return Outcome("unsupported", reason=str(absent))
        except _Crash as broken:
            return Outcome("crash", reason=str(broken))
        except RuleBroken as broken:
            return Outcome("error", reason=f"the rule is wrong: {broken}")
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return Outcome("error", reason=described(error))

    def run_once(self, case: Case, drawn: Mapping[str, Any]) -> Outcome:
        """Run the case's statements and checks once, with Hypothesis's draws for the givens that have some."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            program, world = self.prepare(case, drawn)
            try:
                with collector_paused() if "allocated" in program.words else contextlib.nullcontext():
                    went_through = not world.findings and self._run_when(case, program, world)
                if went_through:
                    self._observe(case, program, world)
                self.implementation.synchronize(case.device)
            except _NotSupported:
                if not world.findings:  # what was found before the end stays found
                    raise
        if world.findings:
            return Outcome("fail", world.checks, tuple(world.findings), unread=world.unread)
        if not world.checks:
            raise RuleBroken("nothing of it was checked in this case")
        if world.unspecified and len(world.unspecified) == len(program.observations):
            seen = "; ".join(f"{left} = {text}" for left, text in world.unspecified.items())
            return Outcome("unspecified", world.checks, reason=seen)
        return Outcome("pass", world.checks, unread=world.unread)

    def prepare(self, case: Case, drawn: Mapping[str, Any]) -> tuple[Program, World]:
        """The program of ``case`` and its world, seeded and with the data made, before its first statement."""
        program = self.program(case)
        world = self._world(case, program)
        self._set_up(case, program, world, drawn)
        return program, world

    def program(self, case: Case) -> Program:
        """The compiled program of a case, from the cache where it has run before."""
        key = (case.rule.id, program_key(case.rule, case.row))
        program = self._programs.get(key)
        if program is None or program.rule is not case.rule:
            program = self._programs[key] = compile_program(case.rule, case.row, self.vocabulary)
        return program

    # -- the parts of a run --------------------------------------------------------------------------------------

    def missing(self, case: Case) -> str | None:
        """What the implementation does not have that the case needs, or None."""
        device, rule = case.device, case.rule
        if device not in self._dtypes:
            self._dtypes[device] = self.implementation.dtypes(device)
            self._lacks[device] = self.implementation.lacks(device)
        key = (rule.id, device)
        if key not in self._absent_from:
            self._absent_from[key] = self._lacking(rule, device)
        if self._absent_from[key] is not None:
            return self._absent_from[key]
        for alternative in case.row:
            if not alternative.bindings:
                return "there is no other device"
            for _, value in alternative.bindings:
                if isinstance(value, DType) and value not in self._dtypes[device]:
                    return f"dtype {value} on {device}"
        return None

    def _lacking(self, rule: Rule, device: str) -> str | None:
        """The first capability or name of ``rule`` that the implementation does not have, whatever the parameters."""
        for capability in sorted(rule.capabilities & self._lacks[device].keys()):
            return f"capability '{capability}': {self._lacks[device][capability]}"
        return next((f"no {name}" for name in sorted(rule.names) if not self.implementation.has(name)), None)

    def _world(self, case: Case, program: Program) -> World:
        implementation = self.implementation
        values = bindings_of(case.row)
        dtype = values.get("dtype", "float32")
        dtype = str(dtype) if isinstance(dtype, str) else "float32"
        dtypes = self._dtypes.get(case.device) or implementation.dtypes(case.device)
        world = World(implementation, case.device, dtype, case.rule.level, case.rule.line, dtypes)
        world.stop = lambda error: self._stops(error, case)
        world.blame = lambda error: self._blame(error, case)
        world.made.update(
            torch=implementation.torch, nn=implementation.nn, F=implementation.F, optim=implementation.optim,
            device=case.device, dtype=implementation.dtype(dtype),
        )  # fmt: skip
        world.oracle.update(ENVIRONMENT)
        world.oracle.update(device=case.device, dtype=dtype)
        for name, value in values.items():
            world.oracle[name] = value
            if isinstance(value, (list, dict)):
                value = copy.deepcopy(value)  # statements may change it
            world.made[name] = implementation.dtype(value) if isinstance(value, DType) else value
        if program.words:
            world.made.update(bind(world, program.words))
        return world

    def _set_up(self, case: Case, program: Program, world: World, drawn: Mapping[str, Any]) -> None:
        implementation, rule = self.implementation, case.rule
        if rule.draws_random:
            implementation.seed(SEED)
        if world.dtype in DEFAULT_DTYPES and world.dtype != "float32":
            implementation.set_default_dtype(DEFAULT_DTYPES[world.dtype])
            self._default_dtype_moved = True
        if program.oracle is not None:
            exec(program.oracle, world.oracle)
        for compiled in program.givens:
            try:
                make_given(world, compiled, rule.id, drawn.get(compiled.given.name))
            except (RuleBroken, KeyboardInterrupt):
                raise
            except BaseException as error:
                self._raise_if_stops(error, case)
                if compiled.given.form != "module":
                    raise
                world.checks += 1
                world.find("unexpected error", compiled.given.name, "error", "a module", described(error))
                return
        if program.expect is not None:
            world.expect = program.expect
            exec(program.expect, world.oracle)

    def _run_when(self, case: Case, program: Program, world: World) -> bool:
        """Run the statements; False where they ended early."""
        if program.when is None:
            return True
        world.line = case.rule.when_line
        try:
            exec(program.when, world.made)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._raise_if_stops(error, case)
            line = _statement(error, program.when.co_filename)
            text = case.rule.when.splitlines()[line - 1].strip() if line else "when"
            world.checks += 1
            world.find("unexpected error", text, "error", "no error", said(error), line=world.line + line)
            return False
        finally:
            world.line = case.rule.line
        return True

    def _observe(self, case: Case, program: Program, world: World) -> None:
        for observation in program.observations:
            if observation.condition is not None and not observation.condition(world.oracle):
                continue
            try:
                value = listed(eval(observation.code, world.made))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self._raise_if_stops(error, case)
                world.checks += 1
                left, line = observation.left, observation.line
                world.find("unexpected error", left, "error", "a value", said(error), line=line)
                continue
            check_observation(world, observation, value)

    # -- errors and what is left behind --------------------------------------------------------------------------

    def _stops(self, error: BaseException, case: Case) -> bool:
        """Whether an error says that something is absent or broken, rather than that the behaviour is wrong."""
        try:
            self._raise_if_stops(error, case)
        except BaseException:
            return True
        return False

    def _raise_if_stops(self, error: BaseException, case: Case) -> None:
        if self.implementation.fatal(error) or isinstance(error, RecursionError):
            raise _Crash(said(error)) from error
        if is_out_of_memory(error):
            raise error
        if isinstance(error, NameError) and _OF_RULES.fullmatch(_innermost(error)):
            raise RuleBroken(said(error)) from error
        reason = self._absent(error, case.rule) or self.implementation.unsupported(error, case.device)
        if reason is not None:
            raise _NotSupported(reason) from error

    def _blame(self, error: BaseException, case: Case) -> None:
        """Raise an error that came while something was observed, unless it came from the implementation's own code."""
        self._raise_if_stops(error, case)
        if _innermost(error).startswith(_PACKAGE) and not _innermost(error).startswith(_REFERENCE):
            raise error

    def _absent(self, error: BaseException, rule: Rule) -> str | None:
        """Which name of the vocabulary, or which operator, the error says is missing, or None."""
        implementation = self.implementation
        if isinstance(error, TypeError) and _OF_RULES.fullmatch(_innermost(error)):
            method = absent_operator(error, getattr(implementation.torch, "Tensor", None))
            return None if method is None else f"no Tensor.{method}"
        if not isinstance(error, AttributeError) or error.name not in self.vocabulary.members:
            return None
        if implementation.is_tensor(error.obj):
            return f"no Tensor.{error.name}" if error.name in self.vocabulary.tensor_members else None
        bases = (getattr(implementation.nn, "Module", None), getattr(implementation.optim, "Optimizer", None))
        method = absent_method(error, tuple(base for base in bases if isinstance(base, type)), rule.yaml)
        return None if method is None else f"no {method}"

    def put_back(self, case: Case) -> tuple[str, ...]:
        """Put the global state back to what it was; the names of what the case had left changed."""
        implementation = self.implementation
        if self._default_dtype_moved:
            implementation.set_default_dtype("float32")
            self._default_dtype_moved = False
        state = implementation.state()
        if state == self._clean:
            return ()
        left = tuple(name for name, value in state.items() if value != self._clean.get(name))
        implementation.reset()
        return left


DEFAULT_DTYPES = {
    "float16": "float16", "bfloat16": "bfloat16", "float32": "float32", "float64": "float64",
    "complex64": "float32", "complex128": "float64",
}  # fmt: skip


def _statement(error: BaseException, file: str) -> int:
    """The line of `when` that was running."""
    line, traceback = 0, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == file:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _innermost(error: BaseException) -> str:
    """The file in which an error was raised; NumPy works for whoever called it."""
    file, traceback = "", error.__traceback__
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        file = file if name.startswith(_NUMPY) else name
        traceback = traceback.tb_next
    return file


_PACKAGE = str(Path(__file__).parent.parent) + os.sep
_REFERENCE = os.path.join(_PACKAGE, "reference", "")
_NUMPY = str(Path(np.__file__).parent) + os.sep
_OF_RULES = re.compile(r"<[a-z0-9-]+/[a-z0-9.-]+>|<then>")

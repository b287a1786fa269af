"""Every rule over drawn data can fail: for each there is a wrong torch that a few derandomised examples tell."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import hypothesis
import pytest

pytest.importorskip("torch")

from conformance.implementations.torch import TorchImplementation
from conformance.rules.loading import load
from conformance.rules.model import Rule
from conformance.rules.vocabulary import specs_folder
from conformance.running.cases import expand
from conformance.running.execute import Runner
from tests.mutants.corners import CORNERS
from tests.mutants.mutant import catalogue

EXAMPLES = 25

#: property -> a fault, of the catalogue or of the corners, that turns it red
CAUGHT = {
    "accumulation/any-cut-of-a-batch": "backward-overwrites",
    "autograd-grad/agrees-with-backward": "nothing-has-no-gradient",
    "autograd-grad/chain-rule-in-stages": "gradient-argument-is-ignored",
    "autograd-grad/linear-in-the-function": "only-one-use-counts",
    "autograd-grad/multiple-outputs-summed": "gradient-argument-is-ignored",
    "autograd-grad/wrt-output-itself": "gradient-argument-is-ignored",
    "backward-inputs/only-listed-accumulate": "backward-ignores-inputs",
    "backward-multi/linear-in-the-gradients": "gradient-argument-is-ignored",
    "backward-multi/sum-of-roots": "roots-count-once",
    "backward/root-can-be-leaf": "backward-overwrites",
    "backward/sums-over-uses": "sums-of-numbers-forget-the-left",
    "batchnorm/evaluation-is-affine": "evaluation-divides-its-gradient-twice",
    "broadcast/any-shape-in-front": "expanding-to-nothing-leaves-ones",
    "broadcast/any-shapes": "operands-of-fewer-dimensions-get-means",
    "broadcast/any-shapes-product": "operands-of-fewer-dimensions-get-means",
    "broadcast/sum-to-size-takes-it-back": "sums-to-a-size-are-means-backward",
    "clip-grad/norm-of-any-gradients": "clipping-amplifies",
    "complex/any-product": "complex-gradients-are-conjugated",
    "construct/as-tensor-of-tensor-is-identity": "as-tensor-copies-numbers",
    "construct/detach-shares-clone-copies": "detach-copies",
    "conv/any-geometry": "what-strides-skip-gets-ones",
    "deepcopy/any-tensor": "tensors-are-copied-by-reference",
    "dropout/p-one-is-all-zero": "dropout-ignores-p",
    "dropout/p-zero-is-identity": "dropout-ignores-p",
    "dtype/any-pair-of-any-shapes": "numbers-promote-what-is-empty",
    "embedding/padding-row-gets-no-gradient": "padding-rows-learn",
    "forward-ad/linear-in-any-tangent": "tangents-of-numbers-are-dropped",
    "func/products-are-adjoint": "products-with-numbers-are-elementwise",
    "func/vmap-is-a-loop": "batches-of-one-lose-their-dimension",
    "functional/products-are-adjoint": "numbers-begin-with-ones",
    "functional/jacobian-of-a-linear-map": "jacobians-are-even",
    "grad-attr/accumulates": "backward-keeps-the-first",
    "grad-attr/none-until-backward": "gradients-begin-as-zeros",
    "grad-attr/preassigned-buffer-is-accumulated-into": "backward-accumulates-out-of-place",
    "grad-attr/user-gradient-not-modified": "backward-adds-twice",
    "grad-mode/any-nesting": "set-grad-enabled-ends-with-recording-on",
    "grad-mode/calls-inside-end-with-the-block": "no-grad-ends-with-recording-on",
    "higher-order/any-derivative-of-any-polynomial": "products-have-one-derivative",
    "higher-order/second-derivative-of-any-tensor": "products-have-one-derivative",
    "hooks/any-hooks-in-order": "hooks-run-in-reverse",
    "hooks/any-tensor-scaled": "hook-results-are-ignored",
    "inplace/any-sequence-of-writes": "zeroing-keeps-the-history",
    "inplace/any-tensor-same-gradient": "numbers-are-multiplied-unrecorded",
    "leaf/noop-conversion-returns-self": "to-always-copies",
    "loss-ce/mean-over-any-targets": "ignored-targets-count",
    "loss-regression/any-mean-is-the-sum-over-n": "differences-of-numbers-keep-their-sign",
    "loss-regression/mse-and-l1-of-any-tensors": "mse-is-halved",
    "numpy/any-array-there-and-back": "numpy-is-contiguous",
    "optim-sgd/parameters-of-any-shape": "step-moves-the-first-parameter-only",
    "optim/maximize-follows-the-opposite-gradient": "sgd-ignores-maximize",
    "optim/zero-grad-starts-anew": "zero-grad-does-nothing",
    "optim/zero-gradient-moves-nothing": "adam-moves-on-zeros",
    "parameter/is-leaf-without-history": "parameters-without-dimensions-are-not-made",
    "requires-grad/clone-is-differentiable": "clone-shares-memory",
    "requires-grad/nonleaf-always-true": "dtype-conversions-detach",
    "requires-grad/tensor-ctor-copies-and-detaches": "new-tensors-keep-their-history",
    "retain-grad/non-leaf-grad-populated": "retain-grad-does-nothing",
    "rng/any-seed-repeats": "seeding-does-nothing",
    "serialization/any-matrix-comes-back": "saved-views-become-contiguous",
    "softmax/gradient-sums-to-zero": "softmax-is-differentiated-elementwise",
    "softmax/log-softmax-is-its-logarithm": "log-softmax-is-the-logarithm-taken-last",
    "softmax/sums-to-one": "softmax-does-not-shift",
    "state-dict/any-shape-round-trips": "numbers-are-not-loaded",
    "views/any-permutation": "permutations-come-back-forwards",
    "views/any-view-of-any-tensor": "flattening-copies",
    "views/any-windows": "gaps-between-windows-get-ones",
    "views/any-write-reaches-the-base": "columns-are-copied",
    "views/split-and-cat": "the-last-piece-is-a-copy",
    "views/transpose-twice": "transposing-copies",
}


@cache
def properties() -> dict[str, Rule]:
    """The suite's rules over drawn data, by id."""
    files = sorted(path for path in specs_folder().glob("*.yaml") if path.name != "vocabulary.yaml")
    return {rule.id: rule for rule in load(files) if rule.is_property}


@pytest.fixture
def unshrunk() -> Iterator[None]:
    """Hypothesis stops at the first example that fails; to shrink it would take most of the time."""
    hypothesis.settings.register_profile("unshrunk", phases=[hypothesis.Phase.generate])
    hypothesis.settings.load_profile("unshrunk")
    yield
    hypothesis.settings.load_profile("default")


@pytest.mark.usefixtures("unshrunk")
@pytest.mark.parametrize("rule", CAUGHT)
def test_the_property_fails_on_a_wrong_torch(rule: str) -> None:
    """Some case of it sees a wrong value, flag or identity while the fault is in place."""
    faults = {fault.name: fault for fault in catalogue()} | CORNERS
    cases = list(expand([properties()[rule]], TorchImplementation(), "cpu"))
    with faults[CAUGHT[rule]].in_place():
        runner = Runner(TorchImplementation(), examples=EXAMPLES)
        failed = next(outcome for outcome in map(runner.run, cases) if outcome.status == "fail")
    assert {finding.kind for finding in failed.findings} != {"unexpected error"}


def test_every_property_has_a_fault() -> None:
    """A property that no fault turns red might be one that cannot fail."""
    assert set(CAUGHT) == set(properties())


def test_every_corner_is_needed() -> None:
    """A fault that no property is asked to see is a leftover."""
    assert set(CORNERS) <= set(CAUGHT.values())

"""Faults of views, inference mode, nodes, conversions, scalars, copies of tensors, and generators."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.autograd import graph

from tests.mutants.originals import TensorBase
from tests.mutants.swapping import swap, tampered

# -- views -------------------------------------------------------------------------------------------------------

swap(
    "views_copy",
    "view(), transpose() and slices copy.",
    Tensor,
    "view t transpose __getitem__",
    lambda right: lambda x, *args: right(x, *args).clone(),
    catches=["views/catalogue-shares-storage", "views/base-is-the-root"],
    reaches=["*"],
)
swap(
    "contiguous_copies",
    "contiguous() always copies.",
    Tensor,
    "contiguous",
    lambda right: lambda x, **options: right(x, **options).clone(),
    catches=["views/contiguous-and-reshape"],
    reaches=["*"],
)
swap(
    "expanded_gradients_are_averaged",
    "The gradient of expand() is a mean over its copies.",
    Tensor,
    "expand",
    lambda right: (
        lambda x, *sizes: right(tampered(x, lambda grad: grad * (x.numel() / right(x, *sizes).numel())), *sizes)
    ),
    catches=["views/overlapping-gradient-sums"],
    reaches=["*"],
)
swap(
    "indexing_cuts_the_history",
    "Indexing with a list or a tensor is not recorded.",
    Tensor,
    "__getitem__",
    lambda right: lambda x, index: right(x.detach() if isinstance(index, (list, Tensor)) else x, index),
    catches=["views/repeated-index-gradient-sums"],
    reaches=["*"],
)
swap(
    "slices_cut_the_history",
    "Slices are not recorded.",
    Tensor,
    "__getitem__",
    lambda right: lambda x, index: right(x, index) if isinstance(index, (list, Tensor)) else right(x.detach(), index),
    catches=["views/gradient-scatter-back"],
    reaches=["*"],
)

# -- inference mode ----------------------------------------------------------------------------------------------

swap(
    "inference_mode_is_no_grad_by_name",
    "inference_mode is another name of no_grad.",
    torch,
    "inference_mode",
    lambda right: lambda mode=True: torch.no_grad()(mode) if callable(mode) else torch.set_grad_enabled(not mode),
    catches=[
        "inference-mode/results-are-inference-tensors",
        "inference-mode/views",
        "inference-mode/no-version-counter",
        "inference-mode/immutable-outside",
        "inference-mode/cannot-be-saved-for-backward",
        "inference-mode/switch-off-nested",
        "inference-mode/decorator",
        "inference-mode/enable-grad-has-no-effect",
    ],
    reaches=["*"],
)
swap(
    "inference_mode_refuses_writes",
    "In-place operations on normal tensors do nothing in inference mode.",
    Tensor,
    "add_",
    lambda right: (
        lambda x, *args, **options: (
            x if torch.is_inference_mode_enabled() and not x.is_inference() else right(x, *args, **options)
        )
    ),
    catches=["inference-mode/inplace-on-normal-tensor"],
)
swap(
    "inference_tensors_stay_inference_tensors",
    "A copy of an inference tensor is one too.",
    Tensor,
    "clone __add__ __mul__",
    lambda right: lambda x, *args, **options: _in_mode_of(x, right, *args, **options),
    catches=["inference-mode/functional-result-is-normal"],
)


def _in_mode_of(x: Any, right: Any, *args: Any, **options: Any) -> Any:
    with torch.inference_mode() if x.is_inference() else nullcontext():
        return right(x, *args, **options)


swap(
    "versions_of_inference_tensors_raise",
    "increment_version raises for an inference tensor.",
    graph,
    "increment_version",
    lambda right: lambda tensor: (tensor._version, right(tensor))[1],
    catches=["inference-mode/increment-version-is-no-op"],
    reaches=["inplace"],
)

# -- nodes -------------------------------------------------------------------------------------------------------

swap(
    "edges_of_constants_are_none",
    "The gradient edge of a tensor that does not require grad is that of its clone.",
    graph,
    "get_gradient_edge",
    lambda right: lambda x: right(x if x.requires_grad else x.clone().requires_grad_()),
    catches=["graph/gradient-edge-refusals"],
)
swap(
    "every_tensor_is_the_first_output",
    "output_nr is always 0.",
    Tensor,
    "output_nr",
    lambda right: property(lambda x: 0),
    catches=["graph/output-index"],
)
swap(
    "mutation_is_never_allowed",
    "allow_mutation_on_saved_tensors does nothing.",
    graph,
    "allow_mutation_on_saved_tensors",
    lambda right: lambda: nullcontext(),
    catches=["inplace/mutation-allowed-context", "inplace/mutation-allowed-context-does-not-nest"],
)
swap(
    "assignments_are_not_recorded",
    "Assigning to elements sends no gradient to what is assigned.",
    Tensor,
    "__setitem__",
    lambda right: lambda x, index, value: right(x, index, value.detach() if isinstance(value, Tensor) else value),
    catches=["inplace/setitem-gradient"],
    reaches=["*"],
)

# -- conversions and copies --------------------------------------------------------------------------------------

swap(
    "to_copies_where_nothing_changes",
    "to() and float() copy where nothing changes.",
    Tensor,
    "to float",
    lambda right: lambda x, *args, **options: y.clone() if (y := right(x, *args, **options)) is x else y,
    catches=["transfer/to-returns-self-when-nothing-changes"],
    reaches=["*"],
)
swap(
    "dtype_conversions_detach",
    "A conversion of the dtype is not recorded.",
    Tensor,
    "to",
    lambda right: lambda x, *args, **options: y if (y := right(x, *args, **options)).dtype == x.dtype else y.detach(),
    catches=["transfer/to-dtype-is-a-differentiable-copy"],
    reaches=["*"],
)
swap(
    "integers_are_rounded",
    "A conversion to integers rounds.",
    Tensor,
    "to",
    lambda right: (
        lambda x, *args, **options: (
            right(x.detach().round(), *args)
            if args and args[0] in (torch.int8, torch.int32, torch.int64) and x.is_floating_point()
            else right(x, *args, **options)
        )
    ),
    catches=["transfer/to-integer-drops-requires-grad"],
    reaches=["*"],
)
swap(
    "copies_are_not_recorded",
    "copy_ sends its source no gradient.",
    Tensor,
    "copy_",
    lambda right: lambda x, source, *args: right(x, source.detach(), *args),
    catches=["transfer/copy-converts-and-keeps-destination"],
    reaches=["inplace"],
)
swap(
    "numpy_always_detaches",
    "numpy() of a tensor that requires grad detaches it.",
    Tensor,
    "numpy",
    lambda right: lambda x, **options: right(x.detach().resolve_conj(), **options),
    catches=["numpy/refuses-tensors-requiring-grad", "numpy/lazy-conjugate-refused"],
    reaches=["requires-grad", "host", "detach"],
)
swap(
    "numpy_arrays_are_copies",
    "numpy() copies, by force or not.",
    Tensor,
    "numpy",
    lambda right: lambda x, **options: right(x).copy(),
    catches=["numpy/shares-memory-both-ways", "numpy/allowed-under-no-grad", "numpy/force-converts-anything"],
    reaches=["host", "requires-grad", "detach"],
)
swap(
    "from_numpy_takes_anything",
    "from_numpy takes lists, and copies.",
    torch,
    "from_numpy",
    lambda right: lambda array: torch.tensor(array),
    catches=["numpy/from-numpy-shares-and-keeps-dtype", "numpy/unsupported-conversions"],
    reaches=["host", "requires-grad", "construct"],
)
swap(
    "numbers_are_those_of_the_first_element",
    "float() and bool() of several elements take the first.",
    Tensor,
    "__float__ __bool__",
    lambda right: lambda x: right(x.flatten()[0]),
    catches=["scalar/bool-of-several-refused"],
    reaches=["*"],
)
swap(
    "int_rounds_down",
    "int() of a tensor rounds down.",
    Tensor,
    "__int__",
    lambda right: lambda x: right(x.floor() if x.is_floating_point() else x),
    catches=["scalar/python-conversions"],
)
swap(
    "tensors_are_no_indices",
    "A tensor as an index counts from one.",
    Tensor,
    "__index__",
    lambda right: lambda x: right(x) - 1,
    catches=["scalar/integer-tensor-as-index"],
)
swap(
    "tensors_are_copied_by_reference",
    "deepcopy of a tensor is the tensor.",
    Tensor,
    "__deepcopy__",
    lambda right: lambda x, memo: x,
    catches=["deepcopy/leaf", "deepcopy/non-leaf-refused", "deepcopy/memo-and-shared-storage"],
    reaches=["*"],
)
swap(
    "deepcopy_forgets_gradients",
    "deepcopy copies values and flag, without the memo.",
    Tensor,
    "__deepcopy__",
    lambda right: lambda x, memo: TensorBase.detach(x).clone().requires_grad_(x.requires_grad),
    catches=["deepcopy/leaf", "deepcopy/non-leaf-refused", "deepcopy/memo-and-shared-storage"],
    reaches=["*"],
)

# -- generators --------------------------------------------------------------------------------------------------

swap(
    "states_are_not_set",
    "set_rng_state does nothing.",
    torch,
    "set_rng_state",
    lambda right: lambda state: None,
    catches=["rng/get-and-set-state"],
    reaches=["checkpoint"],
)
swap(
    "forks_do_not_restore",
    "fork_rng leaves the generator where its block left it.",
    torch.random,
    "fork_rng",
    lambda right: lambda *args, **options: nullcontext(),
    catches=["rng/fork-rng-restores-state"],
    reaches=["checkpoint"],
)

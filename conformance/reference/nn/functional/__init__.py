# ruff: noqa: F403
"""torch.nn.functional: the layers as functions of tensors, parameters given as arguments.

Checks, defaults and names are here; the operations below them are declared in `conformance.reference.operations`.
"""

from __future__ import annotations

from conformance.reference.nn.functional.activation import *
from conformance.reference.nn.functional.classification import *
from conformance.reference.nn.functional.convolution import *
from conformance.reference.nn.functional.dropout import *
from conformance.reference.nn.functional.linear import *
from conformance.reference.nn.functional.loss import *
from conformance.reference.nn.functional.normalization import *
from conformance.reference.nn.functional.padding import *
from conformance.reference.nn.functional.pooling import *
from conformance.reference.nn.functional.rearranging import *

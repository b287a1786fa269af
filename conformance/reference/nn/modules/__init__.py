# ruff: noqa: F401, F403
"""The layers, one file a family; all of them are names of `conformance.reference.nn` too."""

from __future__ import annotations

from conformance.reference.nn.modules.activation import *
from conformance.reference.nn.modules.adaptive import *
from conformance.reference.nn.modules.batchnorm import *
from conformance.reference.nn.modules.container import *
from conformance.reference.nn.modules.conv import *
from conformance.reference.nn.modules.dropout import *
from conformance.reference.nn.modules.linear import *
from conformance.reference.nn.modules.loss import *
from conformance.reference.nn.modules.module import Module
from conformance.reference.nn.modules.normalization import *
from conformance.reference.nn.modules.padding import *
from conformance.reference.nn.modules.parameter_containers import *
from conformance.reference.nn.modules.pooling import *
from conformance.reference.nn.modules.rearranging import *
from conformance.reference.nn.modules.rnn import *
from conformance.reference.nn.modules.sparse import *

"""Rushlight as the conformance suite sees it: what its namespace alone does not say."""

import re

import numpy as np
import rushlight

from conformance.implementations import Implementation

#: How Python words that a function has no such argument, and a container of layers no brackets.
ABSENT_ARGUMENT = re.compile(
    r"unexpected keyword argument|multiple values for argument|'Sequential' object (is|does) not"
)

#: What nodes and tensors do not have beside methods, which the suite finds out by itself.
ABSENT_DATA = re.compile(r"next_functions$|metadata$|_saved_")


class Rushlight(Implementation):
    """The adapter."""

    release = (2, 6)  # what the library was written after

    def __init__(self):
        super().__init__(rushlight, "rushlight")

    def lacks(self, device):
        """What no name says."""
        return {"random_stream": "its numbers are those of NumPy's generator"}

    def array(self, tensor):
        """The values; tensors have no ``cpu()`` and no ``numpy()``."""
        return tensor.array

    def fill(self, parameter, array):
        """Write into a parameter; tensors have no ``copy_()``."""
        parameter.array[...] = array

    def shares_memory(self, left, right):
        """Whether two tensors share memory; there are no storages to compare."""
        return np.shares_memory(left.array, right.array)

    def unsupported(self, error, device):
        """Arguments and data that are absent are no faults."""
        if isinstance(error, TypeError) and ABSENT_ARGUMENT.search(str(error)):
            return f"not there: {error}"
        if isinstance(error, AttributeError) and ABSENT_DATA.match(error.name or ""):
            return f"not there: {error}"
        return super().unsupported(error, device)

"""Anomaly mode: an error or a nan in backward tells which forward call it belongs to."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from conformance.reference.graph import Node
from conformance.reference.recording import anomaly, current
from conformance.reference.tensors import Tensor


def watched(node: Node, grads: list[Tensor | None]) -> Sequence[Tensor | None]:
    """Run a node; on error warn with the traceback of its forward call; RuntimeError for nan among its results."""
    current.append(node)
    try:
        results = node.apply(grads)
    except Exception:
        _warn(node)
        raise
    finally:
        current.pop()
    if anomaly.check_nan:
        for number, each in enumerate(results):
            if each is not None and each._array.dtype.kind in "fc" and np.isnan(each._array).any():
                _warn(node)
                raise RuntimeError(f"Function '{node.name()}' returned nan values in its {number}th output.")
    return results


def _warn(node: Node) -> None:
    if node.traceback is None:
        warnings.warn(
            f"Error detected in {node.name()}. No forward pass information available. Enable detect anomaly during "
            "forward pass for more information.",
            UserWarning,
            stacklevel=2,
        )
        return
    text = "".join(node.traceback)
    warnings.warn(
        f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n{text}",
        UserWarning,
        stacklevel=2,
    )
    parent = node.forward_node
    while parent is not None and parent.traceback is not None:
        text = "".join(parent.traceback)
        warnings.warn(
            f"\n\nPrevious calculation was induced by {parent.name()}. Traceback of forward call that induced the "
            f"previous calculation:\n{text}",
            UserWarning,
            stacklevel=2,
        )
        parent = parent.forward_node


class set_detect_anomaly:  # noqa: N801  torch names it so
    """Turns anomaly mode on or off at once; as a context manager restores it at the end."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.previous = (anomaly.enabled, anomaly.check_nan)
        anomaly.enabled, anomaly.check_nan = mode, check_nan

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        anomaly.enabled, anomaly.check_nan = self.previous


class detect_anomaly:  # noqa: N801  torch names it so
    """Anomaly mode as a context manager."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        self.previous = (anomaly.enabled, anomaly.check_nan)
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
            "debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self.previous = (anomaly.enabled, anomaly.check_nan)
        anomaly.enabled, anomaly.check_nan = True, self.check_nan

    def __exit__(self, *exception: object) -> None:
        anomaly.enabled, anomaly.check_nan = self.previous


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return bool(anomaly.enabled)


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode looks for nan."""
    return bool(anomaly.check_nan)

"""L-BFGS: a quasi-Newton method that calls the closure several times a step. Line searches are openly lacking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.errors import NotSupported
from conformance.reference.modes import enable_grad, no_grad
from conformance.reference.operations.combining import cat
from conformance.reference.optim.optimizer import Optimizer, check_range

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """One parameter group; the last `history_size` changes of parameters and gradient stand for the Hessian."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_range("learning rate", lr)
        if line_search_fn is not None:
            raise NotSupported(f"LBFGS with line_search_fn={line_search_fn!r}")
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def _flat_gradient(self) -> Any:
        parts = [
            each.new_zeros(each.numel()) if each.grad is None else each.grad.reshape(-1)
            for each in self.param_groups[0]["params"]
        ]
        return cat(parts)

    def _move(self, rate: float, direction: Any) -> None:
        start = 0
        for each in self.param_groups[0]["params"]:
            count = each.numel()
            each.add_(direction[start : start + count].view_as(each), alpha=rate)
            start += count

    def step(self, closure: Callable[[], Any]) -> Any:
        """Evaluate the closure and move, up to max_iter times; returns the first loss."""
        with enable_grad():
            first_loss = closure()
        with no_grad():
            self._iterate(closure, first_loss.item())
        return first_loss

    def _iterate(self, closure: Callable[[], Any], loss: float) -> None:
        group = self.param_groups[0]
        state = self.state[group["params"][0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        state["func_evals"] += 1
        evaluations, gradient = 1, self._flat_gradient()
        for iteration in range(1, group["max_iter"] + 1):
            if float(gradient.abs().max()) <= group["tolerance_grad"]:
                return
            state["n_iter"] += 1
            direction = self._direction(state, gradient, group)
            state["prev_flat_grad"] = gradient.clone()
            rate = group["lr"]
            if state["n_iter"] == 1:
                rate = min(1.0, 1.0 / float(gradient.abs().sum())) * group["lr"]
            state["d"], state["t"] = direction, rate
            slope = float(gradient.dot(direction))
            if slope > -group["tolerance_change"]:
                return
            self._move(rate, direction)
            if iteration == group["max_iter"]:
                return
            with enable_grad():
                new_loss = closure().item()
            gradient = self._flat_gradient()
            evaluations += 1
            state["func_evals"] += 1
            small = float((direction * rate).abs().max()) <= group["tolerance_change"]
            if evaluations >= group["max_eval"] or small or abs(new_loss - loss) < group["tolerance_change"]:
                return
            loss = new_loss

    def _direction(self, state: dict[str, Any], gradient: Any, group: dict[str, Any]) -> Any:
        """Minus the gradient through the approximated inverse Hessian, by the two-loop recursion."""
        if state["n_iter"] == 1:
            state["old_dirs"], state["old_stps"], state["ro"], state["H_diag"] = [], [], [], 1
            return -gradient
        change, step = gradient - state["prev_flat_grad"], state["d"] * state["t"]
        curvature = float(change.dot(step))
        if curvature > 1e-10:
            if len(state["old_dirs"]) == group["history_size"]:
                for name in ("old_dirs", "old_stps", "ro"):
                    state[name].pop(0)
            state["old_dirs"].append(change)
            state["old_stps"].append(step)
            state["ro"].append(1.0 / curvature)
            state["H_diag"] = curvature / float(change.dot(change))
        history = list(zip(state["old_dirs"], state["old_stps"], state["ro"], strict=True))
        weights = []
        direction = -gradient
        for change, step, inverse in reversed(history):
            weights.append(float(step.dot(direction)) * inverse)
            direction = direction.add(change, alpha=-weights[-1])
        direction = direction * state["H_diag"]
        for (change, step, inverse), weight in zip(history, reversed(weights), strict=True):
            direction = direction.add(step, alpha=weight - float(change.dot(direction)) * inverse)
        return direction

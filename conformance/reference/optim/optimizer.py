"""What all optimizers share: parameter groups, state, zero_grad, state dicts and hooks.

An optimizer holds the parameters themselves, so it sees what is written to them and not what replaces them. Options of
a group lie in its dict and are read at every step, so they may be changed between steps.
"""

from __future__ import annotations

import copy
import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

from conformance.reference import dtypes
from conformance.reference.graph import RemovableHandle
from conformance.reference.modes import enable_grad, set_grad_enabled
from conformance.reference.operations.shaping import view_as_complex, view_as_real
from conformance.reference.tensors import Tensor

__all__ = ["Optimizer", "required"]

Hook = Callable[..., Any]

_global_pre_hooks: OrderedDict[int, Hook] = OrderedDict()
_global_post_hooks: OrderedDict[int, Hook] = OrderedDict()


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()
"""The default of an option that each group must give itself."""


def _register(hooks: OrderedDict[int, Hook], hook: Hook, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_optimizer_step_pre_hook(hook: Hook) -> RemovableHandle:
    """hook(optimizer, args, kwargs) before every step of every optimizer."""
    return _register(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Hook) -> RemovableHandle:
    """hook(optimizer, args, kwargs) after every step of every optimizer."""
    return _register(_global_post_hooks, hook)


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step that runs the hooks before and after it; a pre-hook may return new (args, kwargs)."""

    @functools.wraps(step)
    def wrapped(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        for hook in [*_global_pre_hooks.values(), *self._optimizer_step_pre_hooks.values()]:
            replaced = hook(self, args, kwargs)
            if replaced is not None:
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise RuntimeError(
                        f"{hook} must return None or a tuple of (new_args, new_kwargs), but got {replaced}."
                    )
                args, kwargs = replaced
        result = step(self, *args, **kwargs)
        for hook in [*self._optimizer_step_post_hooks.values(), *_global_post_hooks.values()]:
            hook(self, args, kwargs)
        return result

    return wrapped


class Optimizer:
    """Base of all optimizers. A subclass of one's own overrides `step`; those here override `_update`."""

    state: defaultdict[Any, dict[str, Any]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.__dict__["step"])  # type: ignore[method-assign]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._set_up_hooks()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {type(params).__name__}"
            )
        self.state = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(dict(group) if isinstance(group, dict) else group)

    def _set_up_hooks(self) -> None:
        self._optimizer_step_pre_hooks: OrderedDict[int, Hook] = OrderedDict()
        self._optimizer_step_post_hooks: OrderedDict[int, Hook] = OrderedDict()
        self._state_dict_pre_hooks: OrderedDict[int, Hook] = OrderedDict()
        self._state_dict_post_hooks: OrderedDict[int, Hook] = OrderedDict()
        self._load_pre_hooks: OrderedDict[int, Hook] = OrderedDict()
        self._load_post_hooks: OrderedDict[int, Hook] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._set_up_hooks()
        self.defaults.setdefault("differentiable", False)

    def __repr__(self) -> str:
        groups = []
        for number, group in enumerate(self.param_groups):
            options = "".join(f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params")
            groups.append(f"Parameter Group {number}\n{options}")
        return f"{type(self).__name__} (\n" + "\n".join(groups) + ")"

    # -- groups ------------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group {"params": ..., options}; options it lacks get the defaults.

        TypeError for what is no tensor, ValueError for a non-leaf or a parameter that is in a group already.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        given = param_group["params"]
        if isinstance(given, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
                "will change between runs. Please use a list instead."
            )
        listed = [given] if isinstance(given, Tensor) else list(given)
        self._take_names(param_group, listed)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        self._check_parameters(param_group["params"])
        self.param_groups.append(param_group)

    def _take_names(self, group: dict[str, Any], listed: list[Any]) -> None:
        """Pairs (name, parameter), as of named_parameters(), leave their names in `param_names`."""
        named = [isinstance(each, tuple) for each in listed]
        if any(named):
            if not all(named):
                raise ValueError("all optimizer params should be with/without names. Some param names are missing")
            group["param_names"] = [name for name, _ in listed]
            listed = [parameter for _, parameter in listed]
        elif "param_names" in group and len(group["param_names"]) != len(listed):
            raise ValueError("there are more or fewer parameter names than parameters")
        if self.param_groups and ("param_names" in self.param_groups[0]) != ("param_names" in group):
            raise ValueError("all optimizer param groups should be with/without names. Some group lacks them")
        group["params"] = listed

    def _check_parameters(self, parameters: list[Any]) -> None:
        for parameter in parameters:
            if not isinstance(parameter, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(parameter)}")
            if not (self.defaults.get("differentiable") or parameter.is_leaf or parameter.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        own = {id(each) for each in parameters}
        if len(own) != len(parameters):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error",
                stacklevel=4,
            )
        if any(id(each) in own for group in self.param_groups for each in group["params"]):
            raise ValueError("some parameters appear in more than one parameter group")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop every parameter's gradient, or fill it with zeros."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if set_to_none:
                    parameter.grad = None
                elif parameter.grad.grad_fn is not None:
                    parameter.grad = parameter.grad.detach().zero_()
                else:
                    parameter.grad.requires_grad_(False).zero_()

    # -- stepping ----------------------------------------------------------------------------------------------------

    @_with_hooks
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; a closure is called first, recording, and its loss returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            with set_grad_enabled(bool(group.get("differentiable", False))):
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        gradient = -parameter.grad if group.get("maximize") else parameter.grad
                        state = self.state.get(parameter, {})
                        update = self._update_pairs if parameter.is_complex() else self._update
                        update(parameter, gradient, state, group)
                        if state:
                            self.state[parameter] = state
        return loss

    def _update(self, parameter: Any, gradient: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change one parameter in place, given its gradient (negated where the group maximizes)."""
        raise NotImplementedError("an optimizer overrides step() or _update()")

    def _update_pairs(self, parameter: Any, gradient: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Update a complex parameter as the pairs of its parts; its state is kept complex."""
        moved, slope = view_as_real(parameter), view_as_real(gradient)
        pairs = {key: view_as_real(value) if _is_complex(value) else value for key, value in state.items()}
        self._update(moved, slope, pairs, group)
        for key in pairs.keys() - state.keys():
            per_element = isinstance(pairs[key], Tensor) and pairs[key].dim() == moved.dim()
            state[key] = view_as_complex(pairs[key]) if per_element else pairs[key]

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """hook(optimizer, args, kwargs) before each step."""
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """hook(optimizer, args, kwargs) after each step."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """hook(optimizer) before state_dict()."""
        return _register(self._state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """hook(optimizer, state_dict) after state_dict(); may return another dict."""
        return _register(self._state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """hook(optimizer, state_dict) before load_state_dict(); may return another dict."""
        return _register(self._load_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """hook(optimizer) after load_state_dict()."""
        return _register(self._load_post_hooks, hook, prepend)

    # -- saving ------------------------------------------------------------------------------------------------------

    def _all_parameters(self) -> list[Any]:
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def state_dict(self) -> dict[str, Any]:
        """{"state": by number, "param_groups": with numbers for parameters}; numbers count through all groups.

        The state's tensors are the optimizer's own, not copies.
        """
        for hook in self._state_dict_pre_hooks.values():
            hook(self)
        numbers: dict[int, int] = {}
        for parameter in self._all_parameters():
            numbers.setdefault(id(parameter), len(numbers))
        groups = [
            {
                **{key: value for key, value in group.items() if key != "params"},
                "params": [numbers[id(parameter)] for parameter in group["params"]],
            }
            for group in self.param_groups
        ]
        state = {numbers[id(key)] if isinstance(key, Tensor) else key: value for key, value in self.state.items()}
        saved: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._state_dict_post_hooks.values():
            replaced = hook(self, saved)
            saved = saved if replaced is None else replaced
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over options and state; state tensors move to their parameter's device and floating type.

        ValueError where the groups differ in number or in size.
        """
        state_dict = state_dict.copy()
        for hook in self._load_pre_hooks.values():
            replaced = hook(self, state_dict)
            state_dict = state_dict if replaced is None else replaced
        saved_groups = copy.deepcopy(state_dict["param_groups"])
        if len(saved_groups) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        sizes = zip(self.param_groups, saved_groups, strict=True)
        if any(len(own["params"]) != len(saved["params"]) for own, saved in sizes):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
            )
        numbers = [number for group in saved_groups for number in group["params"]]
        parameters = dict(zip(numbers, self._all_parameters(), strict=True))
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in parameters:
                state[parameters[key]] = _cast(value, parameters[key])
            else:
                state[key] = value
        for own, saved in zip(self.param_groups, saved_groups, strict=True):
            saved["params"] = own["params"]
            if "param_names" in own:
                saved.setdefault("param_names", own["param_names"])
            else:
                saved.pop("param_names", None)
        self.state, self.param_groups = state, saved_groups
        for hook in self._load_post_hooks.values():
            hook(self)


def _cast(value: Any, parameter: Any, key: str = "") -> Any:
    """State in the parameter's type and place; the step counter stays as it was saved."""
    if isinstance(value, Tensor):
        if key == "step":
            return value
        if parameter.is_floating_point():
            return value.to(parameter.device, parameter.dtype)
        return value.to(parameter.device)
    if isinstance(value, dict):
        return {name: _cast(each, parameter, name) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(each, parameter) for each in value)
    return value


def _is_complex(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_complex()


def check_range(name: str, value: Any, lowest: float = 0.0, below: float | None = None) -> None:
    """ValueError unless an option is one number, at least `lowest` and, where given, less than `below`."""
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError(f"Invalid {name}: a tensor of {value.numel()} elements")
    if not lowest <= value or (below is not None and not value < below):
        raise ValueError(f"Invalid {name}: {value}")


def check_implementation(foreach: bool | None, fused: bool | None = None, differentiable: bool = False) -> None:
    """Which implementation torch would take changes nothing here; combinations that it refuses are refused."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def new_step() -> Any:
    """A step counter: a 0-d tensor on the processor, in float64 where that is the default and in float32 otherwise."""
    from conformance.reference.operations.creation import tensor

    wide = dtypes.get_default_dtype() == dtypes.float64
    return tensor(0.0, dtype=dtypes.float64 if wide else dtypes.float32)


def number_of(value: Any) -> float:
    """A learning rate or coefficient given as a number or as a tensor."""
    return float(value)

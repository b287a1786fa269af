"""Lazy modules: parameters get their shapes from the first input, and the module then becomes an ordinary one."""

from __future__ import annotations

from typing import Any

from conformance.reference.nn.parameter import is_lazy

__all__ = ["LazyModuleMixin"]


class LazyModuleMixin:
    """Put before a Module class: the first call runs `initialize_parameters(*args)` and changes the class.

    A module that still waits can be saved and loaded; loading a shape into it gives it that shape.
    """

    cls_to_become: Any = None

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._take_shapes)
        self._initialize_hook = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give every uninitialised parameter its shape, from the arguments of the first call."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self: Any) -> bool:
        """Whether a parameter or buffer of this module itself still has no shape."""
        return any(is_lazy(each) for each in [*self._parameters.values(), *self._buffers.values()])

    def _take_shapes(self: Any, state_dict: Any, prefix: str, *_: Any) -> None:
        for name, own in [*self._parameters.items(), *self._buffers.items()]:
            key = prefix + name
            if is_lazy(own) and key in state_dict and not is_lazy(state_dict[key]):
                own.materialize(state_dict[key].shape)

    def _infer_parameters(self: Any, module: Any, args: Any, kwargs: Any) -> None:
        self.initialize_parameters(*args, **kwargs)
        if self.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        self._initialize_hook.remove()
        self._load_hook.remove()
        del self._initialize_hook, self._load_hook
        if self.cls_to_become is not None:
            self.__class__ = self.cls_to_become

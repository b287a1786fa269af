"""Generators: streams of random numbers, their seeds and their states.

There is a default generator for the processor, which `manual_seed` seeds, and one for each synthetic accelerator, made
when it is first needed. How numbers are drawn is in `conformance.reference.forward.random_numbers`, what is made of
them in `conformance.reference.randomness`.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.reference import devices, dtypes
from conformance.reference.forward import random_numbers as numbers
from conformance.reference.tensors import Tensor, wrap

__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]

_DEFAULT_SEED = 67280421310721


class Generator:
    """A stream of random numbers with its own seed and state."""

    def __init__(self, device: Any = "cpu") -> None:
        self.device = devices.device(device)
        self._engine = numbers.MersenneTwister(_DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Start from a seed of at most 64 bits; a negative one counts from 2**64 downward. Returns the generator."""
        seed = int(seed)
        if not -(1 << 63) <= seed < 1 << 64:
            raise ValueError("Overflow when unpacking long long")
        self._engine.reseed(seed % (1 << 64))
        return self

    def seed(self) -> int:
        """Start from a seed that nobody can foresee, and return it."""
        self.manual_seed(secrets.randbits(53))
        return self._engine.seed

    def initial_seed(self) -> int:
        """The seed it was last given."""
        return self._engine.seed

    def get_state(self) -> Tensor:
        """Everything the next numbers depend on, as a uint8 tensor."""
        return wrap(np.frombuffer(self._engine.state(), np.uint8).copy(), devices.cpu)

    def set_state(self, new_state: Tensor) -> Generator:
        """Go on from what `get_state` returned."""
        if not isinstance(new_state, Tensor) or new_state.dtype is not dtypes.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        try:
            self._engine.load_state(new_state._array.tobytes())
        except ValueError as error:
            raise RuntimeError(f"Expected a CPUGeneratorImplState: {error}") from None
        return self

    def clone_state(self) -> Generator:
        """Another generator in the same state."""
        return Generator(self.device).set_state(self.get_state())


default_generator = Generator()
_accelerator_generators: dict[devices.device, Generator] = {}


def engine_of(generator: Generator | None, device: devices.device) -> numbers.MersenneTwister:
    """The given generator's engine, or that of the device's default one; RuntimeError where the devices differ."""
    if generator is not None:
        if generator.device.type != device.type:
            raise RuntimeError(
                f"Expected a '{device.type}' device type for generator but found '{generator.device.type}'"
            )
        return generator._engine
    if device.type == "cpu":
        return default_generator._engine
    if device not in _accelerator_generators:
        _accelerator_generators[device] = Generator(device).manual_seed(default_generator.initial_seed())
    return _accelerator_generators[device]._engine


def manual_seed(seed: int) -> Generator:
    """Seed the default generators of all devices; returns the processor's."""
    for generator in _accelerator_generators.values():
        generator.manual_seed(seed)
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generators with a number nobody can foresee, and return it."""
    fresh = default_generator.seed()
    manual_seed(fresh)
    return fresh


def initial_seed() -> int:
    """The seed the processor's default generator was last given."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the processor's default generator."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Set the state of the processor's default generator."""
    default_generator.set_state(new_state)


def states_of_all_devices() -> dict[Any, Tensor]:
    """The state of every device's default generator that has been used, by device."""
    generators: dict[Any, Generator] = {"cpu": default_generator, **_accelerator_generators}
    return {device: generator.get_state() for device, generator in generators.items()}


def set_states_of_all_devices(states: dict[Any, Tensor]) -> None:
    """Set them; a generator that was not in use then is as good as new."""
    default_generator.set_state(states["cpu"])
    for device in list(_accelerator_generators):
        if device in states:
            _accelerator_generators[device].set_state(states[device])
        else:
            del _accelerator_generators[device]


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, device_type: str = "cpu") -> Iterator[None]:
    """Put the default generators back at the end to where they were at the beginning."""
    if not enabled:
        yield
        return
    states = states_of_all_devices()
    try:
        yield
    finally:
        set_states_of_all_devices(states)

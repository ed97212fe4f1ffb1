"""Networks that a user brings: the address of a function that builds one."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

from torch import nn

from simulate.errors import BadInput


def network_from_address(address: str) -> nn.Module:
    """The torch network that a function builds, in evaluation mode and with fixed weights.

    Args:
        address: ``package.module:factory`` or ``path/to/file.py:factory``; the factory takes no argument and returns
            an `nn.Module`. The module is imported, that is, run.

    Raises:
        BadInput: no such module or function, one that fails, or what it returns is no network.

    """
    place, _, attribute = address.rpartition(":")
    if not place or not attribute:
        raise BadInput(f"{address!r} is not of the form package.module:factory or path/to/file.py:factory")
    if place.endswith(".py") and not Path(place).is_file():
        raise BadInput(f"there is no file {place!r} to take the network {attribute!r} from")
    try:
        module = _from_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except Exception as error:  # whatever the user's module raises while it is run
        raise BadInput(f"cannot import {place!r}: {type(error).__name__}: {error}") from error
    factory = getattr(module, attribute, None)
    if not callable(factory):
        raise BadInput(f"{place!r} has no function {attribute!r}")
    try:
        network = factory()
    except Exception as error:
        raise BadInput(f"{address} fails: {type(error).__name__}: {error}") from error
    if not isinstance(network, nn.Module):
        raise BadInput(f"{address} must return a torch.nn.Module, got {type(network).__name__}")
    return network.eval().requires_grad_(False)


def _from_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"user_network_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

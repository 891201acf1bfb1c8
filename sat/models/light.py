"""What keeps a captioner small and quick to start: torch's compiler is never used here, so it is not loaded either."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_COMPILER = "torch._dynamo"
_DRAWN = {"normal_", "uniform_"}  # methods of tensors


def import_light(name: str) -> Any:
    """Import timm, torchvision or a module of theirs without torch's compiler.

    Both touch it once as they load: torchvision for a question that only its detection models ask, timm to exempt some
    functions from compiling. That alone would take 150 MB and several seconds. The question is answered by the compiler
    itself when it is asked; timm's functions are compiled without exemption by whoever compiles them. A version that
    touches more than that is imported as usual.
    """
    with _compiler_put_off():
        try:
            return importlib.import_module(name)
        except (ImportError, AttributeError):
            pass
    return importlib.import_module(name)


@contextmanager
def _compiler_put_off() -> Iterator[None]:
    if _COMPILER in sys.modules:
        yield
        return
    compiler, utils = types.ModuleType(_COMPILER), types.ModuleType(f"{_COMPILER}.utils")
    compiler.disable = _disable  # type: ignore[attr-defined]
    utils.is_compile_supported = _is_compile_supported  # type: ignore[attr-defined]
    compiler.utils = utils  # type: ignore[attr-defined]
    standing_in = {_COMPILER: compiler, f"{_COMPILER}.utils": utils}
    sys.modules.update(standing_in)
    try:
        yield
    finally:
        for name, module in standing_in.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        if torch.__dict__.get("_dynamo") is compiler:
            del torch._dynamo


def _disable(fn: Callable[..., Any] | None = None, *_: Any, **__: Any) -> Any:
    """As ``torch._dynamo.disable``, where nothing is compiled: the function itself."""
    return fn if fn is not None else lambda function: function


def _is_compile_supported(device_type: str) -> Any:
    from torch._dynamo.utils import is_compile_supported

    return is_compile_supported(device_type)


@contextmanager
def shapes_only() -> Iterator[None]:
    """Modules that are built here have shapes and no values (torch's meta device), so they take no memory.

    First values are not drawn: they would be thrown away, and on the meta device torch needs its compiler for it.
    """
    with torch.device("meta"), _Undrawn():
        yield


class _Undrawn(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init" or getattr(func, "__name__", "") in _DRAWN:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)

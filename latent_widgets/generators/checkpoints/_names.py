"""The closed table: every name that a checkpoint may use, and what we make of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from latent_widgets.generators.checkpoints import _arrays, _storages
from latent_widgets.generators.checkpoints._values import (
    Allowed,
    Bag,
    Blob,
    CheckpointError,
    PersistentModule,
    as_key,
    short,
)

__all__ = ["NAMES"]

_ARRAYS: dict[str, Callable[..., Any]] = {
    "multiarray.scalar": _arrays.number,
    "multiarray._reconstruct": _arrays.array,
    "numeric._frombuffer": _arrays.array_from_buffer,
}

_LAYERS = {  # of torch.nn.modules: they stand in discriminators; kept as inert bags
    "activation": ("ELU", "GELU", "LeakyReLU", "PReLU", "ReLU", "SiLU", "Sigmoid", "Softplus", "Tanh"),
    "batchnorm": ("BatchNorm1d", "BatchNorm2d"),
    "container": ("ModuleDict", "ModuleList", "ParameterList", "Sequential"),
    "conv": ("Conv1d", "Conv2d", "ConvTranspose2d"),
    "dropout": ("Dropout", "Dropout2d"),
    "flatten": ("Flatten", "Unflatten"),
    "linear": ("Identity", "Linear"),
    "normalization": ("GroupNorm", "LayerNorm"),
    "padding": ("ReflectionPad2d", "ReplicationPad2d", "ZeroPad2d"),
    "pooling": ("AdaptiveAvgPool2d", "AvgPool2d", "MaxPool2d"),
    "sparse": ("Embedding",),
    "upsampling": ("Upsample", "UpsamplingNearest2d"),
}


def _dict(*arguments: Any) -> dict[Any, Any]:
    if len(arguments) > 1 or (arguments and not isinstance(arguments[0], list | dict)):
        raise CheckpointError("a dict must be made of nothing or of pairs, got others.")
    pairs = arguments[0] if arguments else ()
    made: dict[Any, Any] = {}
    for key, value in pairs.items() if isinstance(pairs, dict) else pairs:
        made[as_key(key)] = value
    return made


def _set(*arguments: Any) -> set[Any]:
    if len(arguments) > 1 or (arguments and not isinstance(arguments[0], list | tuple | set | frozenset | dict)):
        raise CheckpointError("a set must be made of nothing or of values, got others.")
    return {as_key(value) for value in arguments[0]} if arguments else set()


def _empty(*factory: Any) -> dict[Any, Any]:
    return {}


def _encode(text: Any, encoding: Any = "utf-8") -> bytes | Blob:
    if encoding != "latin1" or not (isinstance(text, str) or (isinstance(text, Blob) and text.is_text)):
        raise CheckpointError(f"text may be encoded as latin1 only, got {short(encoding)}.")
    return text.encode("latin-1") if isinstance(text, str) else Blob(text.view, is_latin=True)


def _first(value: Any, *rest: Any) -> Any:
    return value


def _rebuild_old(storage: Any, offset: Any, shape: Any, stride: Any) -> _storages.FileTensor:
    return _storages.rebuild(storage, offset, shape, stride)


def _rebuild_typed(function: Any, kind: Any, arguments: Any, state: Any) -> Any:
    """A tensor of a class of its own, or with attributes: the tensor alone."""
    known = type(function) is Allowed and function.name in (
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
    )
    if not known or function.call is None or type(arguments) is not tuple:
        raise CheckpointError(
            f"a tensor must be rebuilt by a function of torch, got {short(getattr(function, 'name', function))}."
        )
    return function.call(*arguments)


def _module(meta: Any) -> PersistentModule:
    if not (isinstance(meta, dict) and meta.get("type") == "class" and meta.get("version") == 6):
        raise CheckpointError("a persistent module must be of type 'class' and version 6, got another.")
    name, source, state = meta.get("class_name"), meta.get("module_src"), meta.get("state")
    if (
        not isinstance(name, str)
        or len(name) > 512
        or not isinstance(source, str | Blob)
        or not isinstance(state, dict)
    ):
        raise CheckpointError("a persistent module must have a class name, a source and a state, got others.")
    return PersistentModule(str(name), source, state)


def _bag(name: str) -> Allowed:
    return Allowed(name, new=lambda *arguments: Bag(name))


def _path(*parts: Any) -> str:
    return "/".join(part for part in parts if isinstance(part, str))


def _table(*entries: Allowed) -> dict[tuple[str, str], Any]:
    return {(a.name.rpartition(".")[0], a.name.rpartition(".")[2]): a for a in entries}


_PLAIN = _table(
    Allowed("collections.OrderedDict", call=_dict, new=_dict),
    Allowed("collections.defaultdict", call=_empty, new=_empty),
    Allowed("collections.Counter", call=_dict, new=_dict, spare=True),
    Allowed("builtins.set", call=_set, spare=True),
    Allowed("__builtin__.set", call=_set, spare=True),
    Allowed("builtins.frozenset", call=_set, spare=True),
    Allowed("builtins.dict", call=_dict),
    Allowed("builtins.bytearray", call=_first),
    Allowed("_codecs.encode", call=_encode),
    *[  # Python 3.13 calls the module otherwise
        Allowed(f"{module}.{system}Path", call=_path)
        for module in ("pathlib", "pathlib._local")
        for system in ("Posix", "Windows")
    ],
    Allowed("numpy.dtype", call=_arrays.number_type, spare=True),
    Allowed("numpy.ndarray"),
    *[
        Allowed(f"numpy.{core}.{name}", call=function, spare=True)
        for core in ("core", "_core")
        for name, function in _ARRAYS.items()
    ],
)
_TENSORS = _table(
    Allowed("torch._utils._rebuild_tensor", call=_rebuild_old),
    Allowed("torch._utils._rebuild_tensor_v2", call=_storages.rebuild),
    Allowed("torch._utils._rebuild_parameter", call=_first),
    Allowed("torch._utils._rebuild_parameter_with_state", call=_first),
    Allowed("torch._tensor._rebuild_from_type", call=_rebuild_typed),
    Allowed("torch._tensor._rebuild_from_type_v2", call=_rebuild_typed),
    Allowed("torch.Size", call=_first),
    Allowed("torch.device", call=_first),
)
_INERT = _table(
    _bag("argparse.Namespace"),
    *[_bag(f"torch.nn.modules.{module}.{name}") for module, names in _LAYERS.items() for name in names],
)

NAMES = (
    _PLAIN
    | _TENSORS
    | _INERT
    | _storages.STORAGE_TYPES
    | _table(
        Allowed("dnnlib.util.EasyDict", call=_dict, new=_dict),
        _bag("dnnlib.tflib.network.Network"),
        Allowed("torch_utils.persistence._reconstruct_persistent_obj", call=_module),
        Allowed("torch.storage._load_from_bytes", call=_storages.nested_storage),
    )
)
"""What files of ``torch.save`` and the pickles of NVIDIA's programs may name; what is beside it stays a name."""

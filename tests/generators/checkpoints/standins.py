"""Writes checkpoints as foreign programs do, from our own networks, by stand-ins of the modules that they name."""

import contextlib
import pickle
import sys
import types

import numpy as np
import torch

from latent_widgets.generators.stylegan2 import Dense, ModulatedConv, Shortcut, ToRGB
from latent_widgets.generators.stylegan3 import AliasFreeLayer, StyleGAN3

SOURCE = "raise RuntimeError('the source was executed')\n"


class Persistent:
    """An object that pickles as an NVIDIA module does: its class's source text, its name and its attributes."""

    def __init__(self, class_name, state, source=SOURCE):
        self.class_name, self.state, self.source = class_name, state, source

    def __reduce__(self):
        meta = {"type": "class", "version": 6, "module_src": self.source, "class_name": self.class_name}
        rebuild = sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj
        return rebuild, (sys.modules["dnnlib.util"].EasyDict(meta, state=self.state),), None


@contextlib.contextmanager
def modules():
    """The modules that the pickles name, for the time of writing."""
    names = ["dnnlib", "dnnlib.util", "dnnlib.tflib", "dnnlib.tflib.network", "torch_utils", "torch_utils.persistence"]
    made = {name: types.ModuleType(name) for name in names}
    made["dnnlib.util"].EasyDict = type("EasyDict", (dict,), {"__module__": "dnnlib.util"})
    made["dnnlib.tflib.network"].Network = type("Network", (), {"__module__": "dnnlib.tflib.network"})

    def _reconstruct_persistent_obj(meta):
        raise RuntimeError("the file was executed")

    _reconstruct_persistent_obj.__module__ = "torch_utils.persistence"
    _reconstruct_persistent_obj.__qualname__ = "_reconstruct_persistent_obj"
    made["torch_utils.persistence"]._reconstruct_persistent_obj = _reconstruct_persistent_obj
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update(made)
    try:
        yield made
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update({name: module for name, module in before.items() if module is not None})


def dump(value, path, protocol=4):
    """Pickle with the stand-ins in place; `value` may be a function that makes it there."""
    with modules():
        path.write_bytes(pickle.dumps(value() if callable(value) else value, protocol))
    return path


# ---- NVIDIA


def nvidia(network, source=SOURCE):
    """The module tree that NVIDIA's programs would pickle for a network of ours."""
    alias_free = isinstance(network, StyleGAN3)
    tree = _persistent(network, "Generator", _top(network, alias_free), source)
    mapping = tree.state["_modules"]["mapping"]
    mapping.state["num_layers"] = network.mapping.num_layers
    synthesis = tree.state["_modules"]["synthesis"]
    synthesis.state |= {"img_resolution": network.resolution, "w_dim": network.w_dim}
    if alias_free:
        spec = network.synthesis.input.spec
        names = list(network.synthesis.layer_names[1:])
        synthesis.state |= {"layer_names": names, "output_scale": network.synthesis.output_scale, "img_channels": 3}
        synthesis.state["_modules"]["input"].state |= {
            "channels": np.int64(spec.channels), "size": np.array([spec.size, spec.size]),
            "sampling_rate": np.float64(spec.sampling_rate), "bandwidth": np.float64(spec.bandwidth),
        }  # fmt: skip
    else:
        synthesis.state["img_channels"] = network.synthesis.colours
    return tree


def _top(network, alias_free):
    return {
        "z_dim": network.z_dim, "w_dim": network.w_dim, "c_dim": network.c_dim, "img_resolution": network.resolution,
        "num_ws": network.synthesis.num_ws, "_init_args": (), "_init_kwargs": {"c_dim": network.c_dim},
    }  # fmt: skip


def _persistent(module, class_name, state, source):
    parameters, buffers = dict(module._parameters), dict(module._buffers)
    extra, named = _attributes(module)
    if named and class_name == "":
        class_name = named
    taps = extra.pop("resample_filter", None)
    if taps is not None:
        buffers["resample_filter"] = taps
    children = {name: _persistent(child, "", {}, source) for name, child in module._modules.items()}
    usual = {
        "training": False,
        "_backward_hooks": {},
        "_non_persistent_buffers_set": set(),
        "weight_gain": np.float64(1),
    }
    held = {"_parameters": parameters, "_buffers": buffers, "_modules": children}
    return Persistent(class_name, usual | held | extra | state, source)


def _attributes(module):
    """What NVIDIA's class of that layer is called, and the attributes that matter."""
    name = type(module).__name__
    if isinstance(module, Dense):
        return {"activation": "lrelu" if module.activate else "linear", "bias_gain": module.lr}, "FullyConnectedLayer"
    if isinstance(module, AliasFreeLayer):
        s = module.spec
        return {
            "in_channels": np.int64(s.in_channels), "out_channels": np.int64(s.out_channels), "conv_clamp": s.clamp,
            "out_size": np.array([s.out_size] * 2), "conv_kernel": s.kernel, "up_factor": np.int64(s.up),
            "down_factor": s.down, "padding": [int(p) for p in s.padding], "is_torgb": s.torgb,
        }, "SynthesisLayer"  # fmt: skip
    if isinstance(module, ModulatedConv):
        extra = {"conv_clamp": module.clamp, "use_noise": module.noise, "activation": "lrelu", "up": 1 + module.up}
        return extra | {"resample_filter": _outer(module.taps)}, "SynthesisLayer"
    if isinstance(module, ToRGB):
        return {"conv_clamp": module.clamp}, "ToRGBLayer"
    if isinstance(module, Shortcut):
        return {"resample_filter": _outer(module.taps), "activation": "linear", "conv_clamp": None}, "Conv2dLayer"
    if name == "Block":
        kind = "resnet" if hasattr(module, "skip") else "skip" if hasattr(module, "torgb") else "orig"
        return {"architecture": kind, "resample_filter": _outer(module.conv1.taps)}, "SynthesisBlock"
    if name == "FourierInput":
        return {}, "SynthesisInput"
    return {}, name


def _outer(taps):
    taps = torch.tensor(taps)
    return torch.outer(taps, taps) / taps.sum() ** 2


def set_architecture(tree, architecture):
    """Give all blocks the architecture; the first and last look alike in several."""
    for name, block in tree.state["_modules"]["synthesis"].state["_modules"].items():
        if name.startswith("b"):
            block.state["architecture"] = architecture
    return tree


def write_nvidia(path, network, protocol=4, source=SOURCE):
    """A file `{G, D, G_ema, ...}` as NVIDIA's training writes it; G and D are junk that must not be touched."""

    def make():
        tree = nvidia(network, source)
        if not isinstance(network, StyleGAN3):
            set_architecture(tree, network.synthesis.architecture)
        junk = Persistent("Discriminator", {"_parameters": {"weight": torch.full((300, 300), torch.nan)}}, source)
        easy = sys.modules["dnnlib.util"].EasyDict(resolution=network.resolution)
        return {"G": junk, "D": junk, "G_ema": tree, "augment_pipe": None, "training_set_kwargs": easy}

    return dump(make, path, protocol)


# ---- TensorFlow


def write_tensorflow(path, network, protocol=4, version=4, **arguments):
    """A tuple `(G, D, Gs)` as the original StyleGAN2 pickles it."""
    mapping, synthesis = [], [("noise_const", None)]
    for name, value in network.state_dict().items():
        head, _, rest = name.partition(".")
        value = value.numpy()
        if head == "mapping" and rest != "w_avg":
            layer, leaf = rest.split(".")
            mapping.append((f"{layer.replace('fc', 'Dense')}/{leaf}", value.T if leaf == "weight" else value))
        elif head == "synthesis":
            synthesis.append(_tensorflow(rest, value))

    def make():
        network_class = sys.modules["dnnlib.tflib.network"].Network

        def part(name, variables, components=(), **static):
            made = network_class()
            made.__dict__ |= {
                "version": version, "name": name, "static_kwargs": static, "components": dict(components),
                "build_module_src": SOURCE, "build_func_name": "G_main",
                "variables": [(key, v.copy() if v.ndim else v[()]) for key, v in variables if v is not None],
            }  # fmt: skip
            return made

        parts = {"mapping": part("G_mapping", mapping), "synthesis": part("G_synthesis", synthesis)}
        own = [("lod", np.zeros((), np.float32)), ("dlatent_avg", network.mapping.w_avg.numpy())]
        averaged = part("Gs", own, parts, **arguments)
        return averaged, part("D", []), averaged

    return dump(make, path, protocol)


def _tensorflow(name, value):
    block, _, rest = name.partition(".")
    side = int(block[1:])
    if rest == "const":
        return "4x4/Const/const", value[None]
    layer, _, leaf = rest.partition(".")
    if leaf == "noise_const":
        index = int(np.log2(side)) * 2 - (5 if layer == "conv0" else 4)
        return f"noise{index}", value[None, None]
    up = layer == "conv0"
    theirs = {"conv0": "Conv0_up", "conv1": "Conv1" if side > 4 else "Conv", "torgb": "ToRGB", "skip": "Skip"}[layer]
    prefix = f"{side}x{side}/{theirs}"
    if leaf == "weight":
        kernel = value.transpose(2, 3, 1, 0)
        return f"{prefix}/weight", kernel[::-1, ::-1] if up else kernel
    if leaf == "affine.weight":
        return f"{prefix}/mod_weight", value.T
    return (f"{prefix}/mod_bias", value - 1) if leaf == "affine.bias" else (f"{prefix}/{leaf}", value)


# ---- rosinality and GenForce


def rosinality(network):
    """The state dict in rosinality's layout."""
    found = {}
    for name, value in network.state_dict().items():
        parts = name.split(".")
        if parts[1].startswith("fc"):
            found[f"style.{int(parts[1][2:]) + 1}.{parts[2]}"] = value
        elif parts[-1] == "const":
            found["input.input"] = value[None]
        elif parts[0] == "synthesis":
            place = int(parts[1][1:]).bit_length() - 4  # of the block, from that of 8 px
            leaf = ".".join(parts[3:])
            if leaf == "noise_const":
                index = 0 if place < 0 else 2 * place + 1 + (parts[2] == "conv1")
                found[f"noises.noise_{index}"] = value[None, None]
                continue
            if parts[2] == "torgb":
                head, own = ("to_rgb1" if place < 0 else f"to_rgbs.{place}"), "bias"
            else:
                head, own = ("conv1" if place < 0 else f"convs.{2 * place + (parts[2] == 'conv1')}"), "activate.bias"
            theirs = {
                "weight": "conv.weight", "affine.weight": "conv.modulation.weight", "bias": own,
                "affine.bias": "conv.modulation.bias", "noise_strength": "noise.weight",
            }[leaf]  # fmt: skip
            if leaf in ("weight", "noise_strength"):
                value = value[None]
            found[f"{head}.{theirs}"] = value.reshape(1, -1, 1, 1) if (leaf, own) == ("bias", "bias") else value
    return found | {"convs.0.conv.blur.kernel": torch.tensor([1.0, 3, 3, 1]).outer(torch.tensor([1.0, 3, 3, 1])) / 16}


def genforce(network, newer=False):
    """The state dict in GenForce's layout; `newer` has styles with their one, and kernels as they are used."""
    found = {}
    for name, value in network.state_dict().items():
        parts = name.split(".")
        if name == "mapping.w_avg":
            found["truncation.w_avg"] = value
        elif parts[:2] == ["mapping", "embed"]:
            joint = network.mapping.joint
            found["mapping.label_weight" if joint else f"mapping.embedding.{parts[2]}"] = value.T if joint else value
        elif parts[0] == "mapping":
            found[f"mapping.dense{parts[1][2:]}.{parts[2]}"] = value
        elif parts[2:] == ["skip", "weight"]:
            found[f"synthesis.residual{int(parts[1][1:]).bit_length() - 3}.weight"] = value
        elif parts[-1] == "const":
            found["synthesis.early_layer.const"] = value[None]
        else:
            place = int(parts[1][1:]).bit_length() - 3  # of the block, from that of 4 px
            layer = f"output{place}" if parts[2] == "torgb" else f"layer{max(2 * place - (parts[2] == 'conv0'), 0)}"
            leaf = ".".join(parts[3:]).replace("affine", "style").replace("noise_const", "noise")
            if parts[2:] == ["conv0", "weight"] and not newer:
                value = value.flip((2, 3))
            value = value - 1 if leaf == "style.bias" and not newer else value[None, None] if leaf == "noise" else value
            found[f"synthesis.{layer}.{leaf}"] = value
    return found


def hammer(network):
    """The state dict in the layout of Hammer and ReSeFa: the mean of w at the top, and a filter in each layer."""
    found = {name.removeprefix("truncation."): value for name, value in genforce(network, newer=True).items()}
    filters = [name.removesuffix("noise_strength") for name in found if name.endswith("noise_strength")]
    return found | {f"{name}filter": _outer([1.0, 3.0, 3.0, 1.0]) for name in [*filters, "synthesis."]}


def nvidia_state(network):
    """The state dict of NVIDIA's module: our names, and the filters of a StyleGAN2."""
    found = dict(network.state_dict())
    for name in list(found):
        if name.endswith("conv0.weight"):
            found[name.replace("weight", "resample_filter")] = _outer([1.0, 3.0, 3.0, 1.0])
    return found


# ---- where they lie


def under(prefix, tensors):
    return {f"{prefix}{name}": value for name, value in tensors.items()}


def by_head(tensors):
    found = {}
    for name, value in tensors.items():
        head, _, rest = name.partition(".")
        found.setdefault(head, {})[rest] = value
    return {head: inner.get("", inner) for head, inner in found.items()}


def moved(tensors, start, new):
    old = next(name.split(".")[1] for name in tensors if f"synthesis.{start}" in name)
    fresh = new + old.rpartition("_")[2]
    return {name.replace(old, fresh): value for name, value in tensors.items()}

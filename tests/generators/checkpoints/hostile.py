"""What hostile files are made with, and a watch over what the interpreter does meanwhile."""

import io

import torch

import latent_widgets as lw
from latent_widgets.generators.checkpoints._storages import FileTensor, Storage
from latent_widgets.generators.checkpoints._strangers import Stranger
from latent_widgets.generators.checkpoints._values import Bag
from tests.generators.checkpoints.standins import nvidia, set_architecture

EXECUTED = {"exec", "compile", "import", "marshal.loads", "os.exec", "os.posix_spawn", "os.system", "subprocess.Popen"}
WATCH = {"on": False, "seen": []}


def attempt(path):
    """What is raised on loading `path`, and what the audit hook saw meanwhile."""
    WATCH["seen"].clear()
    WATCH["on"] = True
    try:
        lw.load(path)
        return None, list(WATCH["seen"])
    except Exception as error:
        return error, list(WATCH["seen"])
    finally:
        WATCH["on"] = False


class Call:
    """Pickles as a call of anything."""

    def __init__(self, function, *arguments, state=None):
        self.call = (function, arguments, state) if state is not None else (function, arguments)

    def __reduce__(self):
        return self.call


class OldArchive:
    """A file of torch within a file."""

    def __init__(self, data):
        self.data = data

    def __reduce__(self):
        return torch.storage._load_from_bytes, (self.data,)


def saved(value, zipped=False):
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def with_weight(make_variant, change):
    """A function that makes an NVIDIA file in which one attribute of one layer is another."""

    def make():
        tree = set_architecture(nvidia(make_variant()), "skip")
        change(tree.state["_modules"])
        return {"G_ema": tree}

    return make


def shaped(shape, stride, offset=0, numel=42):
    storage = torch.zeros(numel)._typed_storage()

    class Tensor:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (storage, offset, shape, stride, False, {})

    return Tensor()


# ---- changes of the description in a file of this package


def in_input(**values):
    return lambda config: config["input"].update(values)


def in_layer(**values):
    return lambda config: config["layers"][1].update(values)


def at_top(**values):
    return lambda config: config.update(values)


# ---- values of a file


def tensor():
    return FileTensor(Storage(), 0, (3, 2), (2, 1))


def stranger(**items):
    made = Stranger("a.B")
    made.kept[dict].update(items)
    return made


def with_state(**state):
    made = Bag("a.C")
    made.build(state)
    return made

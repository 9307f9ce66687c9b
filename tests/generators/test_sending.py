"""A generator arrives in another process as it was: its pictures to the bit, its identity, its classes."""

import hashlib
import multiprocessing
import os
import subprocess
import sys
import threading

import joblib
import numpy as np
import pytest
import torch
from torch import nn

import latent_widgets as lw
from latent_widgets.core.forward import load_rules
from latent_widgets.core.sweep import tasks
from latent_widgets.core.sweep.assignment import Assignment, begun
from latent_widgets.core.sweep.engine import run
from latent_widgets.core.sweep.tasks import Parcel, Unsendable
from latent_widgets.core.version import VERSION
from latent_widgets.core.work import Work
from latent_widgets.generators import sending
from latent_widgets.generators.sending import Sent
from latent_widgets.generators.style import StyleGenerator
from latent_widgets.generators.stylegan2 import StyleGAN2
from latent_widgets.geometry.jacobian.decomposition import fix_signs
from latent_widgets.geometry.jacobian.differential import latents_at_once
from latent_widgets.geometry.jacobian.operator import WORKING_MEMORY
from latent_widgets.sweeps.spectra import SpectrumTask
from tests.held import Held
from tests.live_families import FastGANLike
from tests.live_networks import Oblong, SmallDCGAN
from tests.senders import BUILT_IN, MAIN, WITH_WEIGHTS, Holding, OnGPU, changed, from_file, sent

SMALL = 1000  # bytes of what is a name and some options


class TestArrives:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("name", BUILT_IN)
    def test_built_in_ones_by_their_name(self, name, dtype):
        G = lw.load(name, dtype=dtype, **BUILT_IN[name])
        self._same(G, small=True)

    def test_built_in_ones_of_another_type_or_class(self):
        self._same(lw.load("digits32").to(dtype=torch.float64), small=True)
        self._same(lw.load("fashion32").of_class(7), small=True)

    def test_built_in_ones_that_were_used(self):
        G = lw.load("digits32")
        z = G.sample_z(1)
        lw.local_basis(G, z, "image", k=1)
        self._same(G, small=True)

    @pytest.mark.parametrize("kind", WITH_WEIGHTS)
    def test_others_with_their_weights(self, kind):
        self._same(WITH_WEIGHTS[kind](), small=False)

    def _same(self, G, small):
        identity = G.weights_hash
        twin, size = sent(G)
        z = G.sample_z(2, seed=3)
        assert (size < SMALL) == small
        assert torch.equal(twin(z), G(z))
        assert (type(twin).__name__, twin.weights_hash, twin.name) == (type(G).__name__, identity, G.name)
        assert (twin.notes, twin.origin, twin.dtype, twin.device) == (G.notes, G.origin, G.dtype, G.device)
        assert (twin.class_number, twin.classes, twin.class_names) == (G.class_number, G.classes, G.class_names)
        assert (twin.spaces, twin.layer_names, twin.unsteady) == (G.spaces, G.layer_names, G.unsteady)
        assert twin.module is not G.module
        assert twin.lock is not G.lock
        with twin.lock:
            pass
        if "w" in G.spaces:
            assert torch.equal(twin.map(z), G.map(z))
            assert torch.equal(twin.w_avg, G.w_avg)
        for other in range(min(G.classes, 3)):
            assert torch.equal(twin.of_class(other)(z), G.of_class(other)(z))
            assert twin.of_class(other).lock is twin.lock

    def test_weights_that_were_changed_before_and_after_the_hash(self):
        plain = lw.load("digits32")
        for early in (False, True):
            G = lw.load("digits32")
            if early:
                assert G.weights_hash == plain.weights_hash
            with torch.no_grad():
                next(G.module.parameters()).add_(0.01)
            twin, _ = sent(G)
            z = G.sample_z(1)
            assert torch.equal(twin(z), G(z))
            assert not torch.equal(twin(z), plain(z))
            assert twin.weights_hash == G.weights_hash
            assert (twin.weights_hash == plain.weights_hash) == early

    def test_a_file_need_not_be_there(self):
        G = from_file()  # it lay in a folder that is gone
        twin, size = sent(G)
        assert size > SMALL
        assert twin.origin == G.origin

    def test_noise_stays_as_it_is_frozen(self):
        G = lw.load(FastGANLike(), freeze_noise=True)
        z = G.sample_z(3)
        drawn = G(z)
        twin, _ = sent(G)
        assert torch.equal(twin(z), drawn)
        fresh, _ = sent(lw.load(FastGANLike(), freeze_noise=True))  # before it drew anything
        assert torch.equal(fresh(z), fresh(z))

    def test_buffers_that_no_file_holds(self):
        G = lw.load("digits32")
        for module in G.module.modules():
            for name, value in module.named_buffers(recurse=False):
                if name in module._non_persistent_buffers_set and value.is_floating_point():
                    value.mul_(2)
        G.module.register_buffer("mine", torch.ones(1), persistent=False)
        _, size = sent(G)
        assert size > SMALL

    def test_each_process_unpacks_once(self):
        parcel = Parcel(Sent(lw.load("digits32")))
        make, arguments = parcel.__reduce__()
        tasks._UNPACKED.clear()
        assert make(*arguments) is make(*arguments)
        digest, data, version = arguments
        assert (digest, version) == (hashlib.sha256(data.tobytes()).hexdigest(), VERSION)
        assert make(digest, data, "0.0.0").task is None

    @pytest.mark.parametrize("what", ["generator", "network", "function"])
    def test_classes_of_a_notebook(self, tmp_path, what):
        files = [str(tmp_path / name) for name in ("parcel", "pictures")]
        subprocess.run([sys.executable, "-W", "error", "-c", MAIN, what, *files], check=True)
        data = np.fromfile(files[0], np.uint8)
        twin = tasks._unpacked(what, data, VERSION).task.generator
        z, pictures, identity = torch.load(files[1], weights_only=True)
        assert torch.equal(twin(z), pictures)
        assert twin.weights_hash == identity


class TestUnsendable:
    @pytest.mark.parametrize("what", ["file", "lock", "generator", "socket"])
    def test_what_stays_here_is_said(self, tmp_path, what):
        with open(tmp_path / "file", "w") as file:
            held = {"file": file, "lock": threading.Lock(), "generator": (n for n in [1]), "socket": sys.stdout}[what]
            G = lw.load(Holding(held), z_dim=6)
            said = r"^the generator must be something that other processes can be sent, got .* cannot: .*'threading'"
            with pytest.raises(Unsendable, match=said):
                Parcel(Sent(G)).packed()
        assert isinstance(Unsendable("x"), ValueError)


class TestFromAnotherDevice:
    """What is on a GPU is taken for such here: its tensors travel as those of the CPU and find their place there."""

    @pytest.fixture(autouse=True)
    def away(self, monkeypatch):
        monkeypatch.setattr(sending, "_is_away", lambda device: True)

    @pytest.mark.parametrize("kind", WITH_WEIGHTS)
    def test_arrives_the_same(self, kind):
        G = WITH_WEIGHTS[kind]()
        z = G.sample_z(2, seed=3)
        twin = sending._arrived(sending._packed(G), "cpu").generator
        assert torch.equal(twin(z), G(z))
        assert twin.weights_hash == G.weights_hash
        assert twin.lock is not G.lock

    def test_functions_call_the_network_that_arrived(self):
        G = lw.load(SmallDCGAN())
        twin = sending._arrived(sending._packed(G), "cpu").generator
        z = G.sample_z(1)
        with torch.no_grad():
            for parameter in twin.module.parameters():
                parameter.zero_()
        assert torch.count_nonzero(twin(z)) == 0  # all that draws is the module which moves
        assert torch.count_nonzero(G(z)) > 0

    def test_every_tensor_asks_for_its_place(self, monkeypatch):
        asked = []
        G = lw.load(Oblong(), z_dim=8)
        data = sending._packed(G)
        monkeypatch.setattr(sending, "_device", lambda kind: asked.append(kind) or torch.device("cpu"))
        twin = sending._arrived(data, "cuda").generator
        tensors = [*twin.module.parameters(), *twin.module.buffers()]
        assert len(asked) > len(tensors)  # and before any of them
        for (name, one), (_, other) in zip(G.module.named_parameters(), twin.module.named_parameters(), strict=True):
            assert type(other) is nn.Parameter, name
            assert other.requires_grad == one.requires_grad
            assert torch.equal(one, other)

    def test_shared_weights_stay_shared(self):
        network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 192), nn.Unflatten(1, (3, 8, 8)))
        network[1].weight = network[0].weight
        twin = sending._arrived(sending._packed(lw.load(network, z_dim=4)), "cpu").generator
        assert twin.module[1].weight is twin.module[0].weight


class TestPlaces:
    @pytest.mark.parametrize(
        ("name", "rank"),
        [
            ("LokyProcess-1", 0), ("LokyProcess-12", 11), ("ForkPoolWorker-3", 2), ("SpawnPoolWorker-2:4", 3),
            ("Dask Worker process (from Nanny)", None), ("MainProcess", None),
        ],
    )  # fmt: skip
    def test_workers_of_a_machine_take_turns(self, monkeypatch, name, rank):
        monkeypatch.setattr(multiprocessing.current_process(), "_name", name)
        rank = os.getpid() if rank is None else rank
        assert sending._rank() == rank
        for count in (1, 2, 8):
            monkeypatch.setattr(torch.cuda, "device_count", lambda count=count: count)
            assert sending._device("cuda") == torch.device("cuda", rank % count)
        assert sending._device("cpu") == torch.device("cpu")

    def test_many_workers_fill_all_places(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
        places = []
        for number in range(1, 9):
            monkeypatch.setattr(multiprocessing.current_process(), "_name", f"LokyProcess-{number}")
            places.append(sending._device("cuda").index)
        assert places == [0, 1, 2, 3, 0, 1, 2, 3]

    def test_no_gpu(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
        with pytest.raises(RuntimeError, match=r"a worker must have a GPU, as the generator that was sent, got none"):
            sending._device("cuda")
        named = sending._loaded("digits32", {}, None, "cuda", "float32")
        whole = sending._arrived(sending._packed(changed()), "cuda")
        for found in (named, whole):
            for ask in (lambda found=found: found.device, lambda found=found: found.generator):
                with pytest.raises(RuntimeError, match="a worker must have a GPU"):
                    ask()

    @pytest.mark.skipif(torch.cuda.is_available(), reason="workers have a GPU here")
    def test_workers_without_a_gpu_say_so(self):
        G = lw.load("digits32")
        task = SpectrumTask(OnGPU(G), "z", "image", 1, "exact", None)
        given = Assignment(
            "image_spectrum", task, {"codes": G.sample_z(4)}, {}, "digits32", G.weights_hash, "", 1, 8, 1.0
        )
        store = begun(given, None, 1)
        with (
            joblib.parallel_config(backend="loky", n_jobs=2),
            pytest.raises(ValueError, match=r"same failure everywhere: RuntimeError: a worker must have a GPU, as the"),
        ):
            run(task, store, Work(None, 4))


def test_latents_at_once_leave_room_on_a_gpu():
    """The mapping of a published StyleGAN2, on a device without values: a third of the memory that we allow ourselves.

    The rest is for the workspace of the decomposition, which nobody can ask for beforehand, and for what the allocator
    keeps.
    """
    load_rules()
    sizes = {"z_dim": 512, "w_dim": 512, "resolution": 8, "channels": {4: 2, 8: 2}}
    mapping = StyleGenerator(StyleGAN2(**sizes, mapping_layers=8), "large").module.mapping.to("meta")
    peaks = []
    for n in (latents_at_once(512, 512, "cuda"), 8):
        z = torch.empty(n, 512, device="meta", dtype=torch.float32)
        with Held() as held, torch.no_grad():
            J = torch.func.vmap(torch.func.jacrev(lambda one: mapping(one[None])[0]))(z)
            U, _, Vh = torch.linalg.svd(J, full_matrices=False)
            fix_signs(U, Vh.mT)
        assert J.shape == (n, 512, 512)
        peaks.append(held.peak)
    assert 3 * peaks[0] <= WORKING_MEMORY["cuda"]
    assert peaks[0] > 3 * 4 * 256 * 512 * 512  # J, U and V at least were seen
    assert peaks[1] < peaks[0] / 16

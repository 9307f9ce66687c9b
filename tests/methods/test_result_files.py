"""Maps of warpage and Local Bases in files: the same to the bit, without a generator, and nothing is believed."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import latent_widgets as lw
from latent_widgets.core import stamped
from latent_widgets.core.sweep import chunk_files, store
from latent_widgets.generators.exact import ExactFaces
from latent_widgets.methods import local_basis_files
from latent_widgets.methods.local_basis import LocalBasis
from latent_widgets.methods.warpage import WarpageMap
from latent_widgets.methods.warpage import files as warpage_files
from latent_widgets.segmentation import _few_shot_files
from latent_widgets.values import direction_files
from tests.alike import alike
from tests.public_calls import MODES
from tests.savers import DIRECTIONS, small_basis, small_glo, small_map

TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
ORTHONORMAL = r"must have orthonormal columns"


@pytest.fixture(scope="module")
def faces():
    return ExactFaces(resolution=16)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_a_map_is_the_same_to_the_bit_in_every_type(tmp_path, dtype):
    M = small_map(dtype=dtype)
    path = M.save(str(tmp_path / "map.safetensors"))
    assert path == tmp_path / "map.safetensors"
    N = WarpageMap.load(path)
    assert N.bases.dtype == dtype
    assert alike(M, N)
    assert not alike(M, replace(N, codes=N.codes + 1))
    N.save(tmp_path / "again.safetensors")
    assert alike(M, WarpageMap.load(tmp_path / "again.safetensors"))


def test_a_loaded_map_measures_the_same(tmp_path, faces):
    M = lw.warpage(faces, n=5, k=3, compare={"global": lw.ganspace(faces, k=4, samples=60)}, max_k=6)
    N = WarpageMap.load(M.save(tmp_path / "map.safetensors"))
    assert repr(N) == repr(M)
    assert torch.equal(N.distances, M.distances)
    assert torch.equal(N.close, M.close)
    assert torch.equal(N.angles(1, 3), M.angles(1, 3))
    assert torch.equal(N.to("global"), M.to("global"))
    assert N.baselines == M.baselines
    assert N.distortion_interval == M.distortion_interval
    for k, metric in ((1, "projection"), (6, "geodesic")):
        assert torch.equal(N.at(k, metric).distances, M.at(k, metric).distances)
    assert not torch.equal(N.at(2).distances, M.distances)


def test_what_is_optional_may_be_left_out(tmp_path):
    nothing = {"generator": None, "weights_hash": None, "pictures": None, "compared": {}}
    for M in (small_map(**nothing), small_map(n=1), small_map(total=9, stopped="cancelled", epsilon=np.float64(0.5))):
        N = WarpageMap.load(M.save(tmp_path / "map.safetensors"))
        assert N.epsilon == M.epsilon
        assert alike(replace(M, epsilon=0.0), replace(N, epsilon=0.0))
    assert repr(N) == "<WarpageMap of 4 of 9, cancelled latents in w: k = 2, geodesic>"


def test_numbers_of_numpy_are_written_as_plain_ones(tmp_path):
    M = small_map(k=np.int64(3), total=np.int32(7), stopped="cancelled", pictures=np.int64(5))
    N = WarpageMap.load(M.save(tmp_path / "map.safetensors"))
    assert [(type(value), value) for value in (N.k, N.total, N.pictures)] == [(int, 3), (int, 7), (int, 5)]


def test_tensors_that_share_memory_or_carry_gradients_are_written(tmp_path):
    M = small_map()
    N = replace(M, close_bases=M.bases, codes=M.codes.T.contiguous().T.requires_grad_())
    again = WarpageMap.load(N.save(tmp_path / "map.safetensors"))
    assert torch.equal(again.bases, M.bases)
    assert torch.equal(again.close_bases, M.bases)
    assert torch.equal(again.codes, M.codes)
    assert not again.codes.requires_grad


@pytest.mark.parametrize("target", ["w", "image"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_basis_is_the_same_to_the_bit(tmp_path, target, dtype):
    B = small_basis(target, dtype)
    path = B.save(str(tmp_path / "basis.safetensors"))
    assert path == tmp_path / "basis.safetensors"
    C = LocalBasis.load(path)
    assert C.singular_values.dtype == dtype
    assert (C.svd is None) == (target == "w")
    assert alike(B, C)
    assert not alike(B, replace(C, directions=C.directions.rename(0, "other")))
    assert repr(C) == repr(B)
    assert C.ranks == B.ranks
    assert bool(B.ranks)


def test_each_part_of_a_decomposition_may_be_missing(tmp_path):
    whole = small_basis()
    for missing in ("U", "residuals", "upper", "unseen", "products", "output_shape"):
        B = replace(whole, svd=replace(whole.svd, **{missing: None}))
        C = LocalBasis.load(B.save(tmp_path / "basis.safetensors"))
        assert getattr(C.svd, missing) is None
        assert alike(B, C)
    assert LocalBasis.load(whole.save(tmp_path / "basis.safetensors")).svd.pictures().shape == (7, 3, 4, 4)


@pytest.mark.parametrize("method", ["exact", "lanczos", "randomized", "progressive"])
def test_a_basis_of_every_method_is_written(tmp_path, faces, method):
    B = lw.local_basis(faces, faces.sample_z(1, 2), "image", k=3, method=method)
    C = LocalBasis.load(B.save(tmp_path / "basis.safetensors"))
    assert alike(B, C)
    if method == "progressive":
        near = lw.local_basis(faces, faces.sample_z(1, 2), "image", k=3, method=method, start=C)
        assert near.svd.products < B.svd.products


def test_directions_keep_what_they_know(tmp_path, faces):
    B = lw.local_basis(faces, faces.sample_z(1, 2), k=3)
    named = replace(B, directions=B.directions.rename(1, "smile"))
    C = LocalBasis.load(named.save(tmp_path / "basis.safetensors")).directions
    assert C.names == ("local basis 1", "smile", "local basis 3")
    assert (C.generator, C.weights_hash, C.unit) == (faces.name, faces.weights_hash, "sd")
    assert C.cite().methods == named.directions.cite().methods
    assert torch.equal(C.for_generator(faces).scores["singular value"], B.singular_values[:3])


def test_widgets_open_what_was_loaded(tmp_path, faces):
    M = lw.warpage(faces, n=4, k=3)
    N = WarpageMap.load(M.save(tmp_path / "map.safetensors"))
    panel = lw.WarpageHeatmap(N, executor="inline")
    panel.selected = (0, 2)
    panel.k = 5
    assert repr(panel) == "<WarpageHeatmap of 4 latents in w: k = 5, geodesic>"
    panel.close()
    with_pictures = lw.WarpageHeatmap(N, faces, executor="inline")
    assert with_pictures.error is None
    with_pictures.close()
    B = lw.local_basis(faces, faces.sample_z(1, 2), k=3)
    C = LocalBasis.load(B.save(tmp_path / "basis.safetensors"))
    explorer = lw.LatentExplorer(faces, C, executor="inline")
    assert explorer.directions.names == B.directions.names
    assert explorer.move(1, 2.0).direction.names == ("local basis 2",)
    explorer.close()


@pytest.mark.parametrize("mode", MODES)
def test_state_of_the_process_changes_nothing(tmp_path, mode):
    for result in (small_map(), small_basis()):
        path = tmp_path / "result.safetensors"
        with MODES[mode]():
            found = type(result).load(result.save(path))
        assert alike(result, found)
        step = torch.ones_like(found.z, requires_grad=True)
        (step * found.z).sum().backward()  # what was read in inference mode would refuse
        assert step.grad is not None


def test_another_process_reads_them_without_the_generator(tmp_path, faces):
    M, B = lw.warpage(faces, n=4, k=3), lw.local_basis(faces, faces.sample_z(1, 2), k=3)
    M.save(tmp_path / "map.safetensors")
    B.save(tmp_path / "basis.safetensors")
    code = (
        "from latent_widgets.methods import LocalBasis, WarpageMap\n"
        "M, B = WarpageMap.load('map.safetensors'), LocalBasis.load('basis.safetensors')\n"
        "print(M.distances.double().sum().item().hex(), B.ranks)\n"
        "import latent_widgets as lw\n"
        "print(lw.WarpageHeatmap(M, executor='inline'), B)"
    )
    root = str(Path(lw.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r})\n{code}"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, second = done.stdout.splitlines()
    assert first == f"{M.distances.double().sum().item().hex()} {B.ranks}"
    assert second == f"<WarpageHeatmap of 4 latents in w: k = 3, geodesic> {B}"


def test_a_file_of_ours_that_is_another_says_whose_it_is(tmp_path):
    paths = {name: tmp_path / f"{name}.safetensors" for name in ("directions", "map", "basis", "glo", "foreign")}
    DIRECTIONS.save(paths["directions"])
    small_map().save(paths["map"])
    small_basis().save(paths["basis"])
    small_glo().save(paths["glo"])
    save_file({"a": torch.ones(2)}, paths["foreign"])
    for load, path, words in (
        (
            WarpageMap.load,
            "directions",
            r"file that WarpageMap\.save wrote, got .*, which Directions\.save wrote\. Use Dir",
        ),
        (WarpageMap.load, "basis", r"which LocalBasis\.save wrote\. Use LocalBasis\.load\."),
        (LocalBasis.load, "map", r"file that LocalBasis\.save wrote, got .*, which WarpageMap\.save wrote\. Use Warp"),
        (LocalBasis.load, "glo", r"which holds a network\. Use lw\.load, or GLO\.load for what GLO\.save wrote\."),
        (LocalBasis.load, "foreign", r"which is another's\."),
    ):
        with pytest.raises(ValueError, match=words):
            load(paths[path])


def test_every_kind_of_file_has_a_name():
    modules = (direction_files, _few_shot_files, local_basis_files, warpage_files, chunk_files, store)
    assert {module.STAMP.format for module in modules} == set(stamped.SAVED_BY)
    assert all(hasattr(lw, owner) or hasattr(lw.segmentation, owner) for owner in ("Directions", "FewShotSegmenter"))


def test_a_place_that_is_none_is_refused(tmp_path):
    for result, load in ((small_map(), WarpageMap.load), (small_basis(), LocalBasis.load)):
        with pytest.raises(ValueError, match=r"path must end in \.safetensors, got "):
            result.save(tmp_path / "result.pt")
        with pytest.raises(ValueError, match="path must be a file, got the folder"):
            load(tmp_path)
        with pytest.raises(FileNotFoundError, match="path must be a file that exists"):
            load(tmp_path / "none.safetensors")
        (tmp_path / "half.safetensors").write_bytes(result.save(tmp_path / "r.safetensors").read_bytes()[:-9])
        with pytest.raises(ValueError, match=r"path must be an undamaged safetensors file, got .*half"):
            load(tmp_path / "half.safetensors")


def test_no_byte_less_is_read(tmp_path):
    for result, load in ((small_map(n=2), WarpageMap.load), (small_basis(), LocalBasis.load)):
        data = result.save(tmp_path / "r.safetensors").read_bytes()
        for count in range(0, len(data), 37):
            (tmp_path / "part.safetensors").write_bytes(data[:count])
            with pytest.raises(ValueError, match=r"path must be an undamaged safetensors file"):
                load(tmp_path / "part.safetensors")


def test_what_nobody_could_read_is_not_written(tmp_path):
    path, M, B = tmp_path / "result.safetensors", small_map(), small_basis()
    cases = (
        (ValueError, small_map(k=5), "k must be between 1 and 3, got 5"),
        (ValueError, small_map(bases=2 * M.bases), f"bases {ORTHONORMAL}"),
        (ValueError, small_basis(code=B.code[1:]), r"code must have shape \(7,\)"),
        (ValueError, replace(B, directions=B.directions[:1]), r"input_directions must have shape \(1, d_in\)"),
        (TypeError, small_map(z=[1.0]), "z must be a torch tensor, got list"),
        (TypeError, small_basis(singular_values=B.singular_values.long()), "singular_values must be floating numbers"),
    )
    for kind, result, words in cases:
        with pytest.raises(kind, match=words):
            result.save(path)
    assert not path.exists()


def test_names_that_hold_half_letters_are_mended(tmp_path):
    N = WarpageMap.load(small_map(compared={"a\ud800": torch.eye(6)[:, :2]}).save(tmp_path / "map.safetensors"))
    assert list(N.compared) == ["a\ufffd"]


def test_directions_of_eight_bits_are_refused_too(tmp_path):
    tensors, plain = direction_files.apart(DIRECTIONS)
    tensors["vectors"] = tensors["vectors"].to(torch.float8_e4m3fn)
    (tmp_path / "d.safetensors").write_bytes(direction_files.pack(tensors, plain))
    with pytest.raises(ValueError, match=r"its numbers must be of 16, 32 or 64 bits, got torch\.float8_e4m3fn"):
        lw.Directions.load(tmp_path / "d.safetensors")

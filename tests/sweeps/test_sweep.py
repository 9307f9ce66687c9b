"""Each kind of sweep gives what the method itself gives, latent by latent; what does not fit is refused before."""

import joblib
import pytest
import torch

import latent_widgets as lw
from latent_widgets.geometry.jacobian.functions import image_function
from latent_widgets.geometry.walks.curves import traversed
from latent_widgets.sweeps.sweep import KINDS
from tests.sweeping import as_close_as_rounding

MASK = torch.zeros(16, 16, dtype=torch.bool)
MASK[:, :6] = True
ASKED = {
    "curve": {"steps": 2, "length": 3.0},
    "image_spectrum": {"k": 4},
    "local_basis": {"k": 3},
    "region_spectrum": {"mask": MASK, "k": 2},
    "warpage": {"k": 2, "max_k": 4},
}


@pytest.fixture
def z(tiny):
    return tiny.sample_z(5, seed=4)


def test_every_kind_is_tried():
    assert ASKED.keys() == KINDS.keys()


class TestEqualsTheMethod:
    def test_local_bases(self, tiny, z):
        wanted = lw.local_bases(tiny, z, k=3)
        S = lw.sweep(tiny, "local_basis", z, k=3)
        for mine, other in zip(S.result(), wanted, strict=True):
            assert torch.equal(mine.directions.vectors, other.directions.vectors)
            assert torch.equal(mine.directions.scales, other.directions.scales)
            assert torch.equal(mine.singular_values, other.singular_values)
            assert torch.equal(mine.input_directions, other.input_directions)
            assert (mine.rank, mine.shape, mine.floor) == (other.rank, other.shape, other.floor)
            assert mine.directions.weights_hash == tiny.weights_hash
        assert S["directions"].shape == (5, tiny.w_dim, 3)

    @pytest.mark.parametrize("target", ["image", "layer"])
    def test_local_bases_of_pictures_and_layers(self, tiny, z, target):
        layer = target if target == "image" else tiny.layer_names[0]
        S = lw.sweep(tiny, "local_basis", z[:2], target=layer, k=2)
        for mine, other in zip(S.result(), lw.local_bases(tiny, z[:2], layer, k=2), strict=True):
            assert as_close_as_rounding(mine.directions.vectors, other.directions.vectors)
            assert as_close_as_rounding(mine.input_directions, other.input_directions)
            assert mine.rank == other.rank

    def test_without_a_mapping_it_is_the_picture(self, plain):
        assert lw.sweep(plain, "local_basis", 2).parameters["target"] == "image"
        assert lw.sweep(plain, "warpage", 2, k=2).result().space == "z"

    def test_warpage(self, tiny):
        D = lw.random_directions(tiny, 3, space="w")
        S = lw.sweep(tiny, "warpage", 6, seed=2, k=2, max_k=3, compare={"random": D})
        mine, other = S.result(), lw.warpage(tiny, 6, 2, 2, max_k=3, compare={"random": D})
        for name in ("z", "codes", "bases", "close_bases", "singular_values", "distances", "close"):
            assert torch.equal(getattr(mine, name), getattr(other, name)), name
        assert mine.baselines == other.baselines
        assert repr(mine) == repr(other)

    @pytest.mark.parametrize("space", [None, "w", "w+", "z"])
    def test_image_spectra(self, tiny, z, space):
        w = tiny.map(z[:3])
        codes = {None: z[:3], "w": w, "z": z[:3], "w+": tiny.broadcast(w)}[space]
        found = lw.sweep(tiny, "image_spectrum", codes, space=space, k=4)["singular_values"]
        for mine, code in zip(found, {None: w}.get(space, codes), strict=True):
            f = image_function(tiny, code[None], space="w" if space is None else space)
            dense = torch.autograd.functional.jacobian(lambda x, f=f: f(x).flatten(), f.x0)
            assert as_close_as_rounding(mine, torch.linalg.svdvals(dense)[:4])

    def test_image_spectra_by_iteration(self, tiny, z):
        exact, found = (lw.sweep(tiny, "image_spectrum", z, k=2, method=m) for m in ("exact", "lanczos"))
        assert torch.allclose(exact["singular_values"], found["singular_values"], rtol=1e-6)
        assert bool((found["residuals"] < 1e-6).all())

    def test_regions(self, tiny, z):
        S = lw.sweep(tiny, "region_spectrum", z[:3], mask=MASK, k=2, truncation=0.7)
        for i, (mine, w) in enumerate(zip(S.result(), tiny.map(z[:3], 0.7), strict=True)):
            R = lw.RegionSpectra(tiny, w)
            other = R.directions(MASK, 2)
            assert torch.equal(mine.vectors, other.vectors)
            assert torch.equal(mine.scales, other.scales)
            for name in mine.scores:
                assert torch.equal(mine.scores[name], other.scores[name])
            assert torch.equal(S["singular_values"][i], R.spectrum(MASK).singular_values[:2])

    def test_regions_of_rows(self, tiny, z):
        wp = tiny.broadcast(tiny.map(z[:2]))
        S = lw.sweep(tiny, "region_spectrum", wp, mask=MASK, k=2, space="w+", rows=[1, 2])
        other = lw.RegionSpectra(tiny, wp[:1], rows=[1, 2]).directions(MASK, 2)
        assert torch.equal(S.result()[0].vectors, other.vectors)
        assert S.result()[0].layers == other.layers

    @pytest.mark.filterwarnings("error")
    def test_curves(self, tiny, z):
        S = lw.sweep(tiny, "curve", z, steps=2, length=3.0, index=1)
        for mine, one in zip(S.result(), z, strict=True):
            other = traversed(tiny, one, 1, 3.0, 2, "w", "matched")
            for name in ("codes", "z", "indices", "cosines", "arc_length", "deviation"):
                assert torch.equal(getattr(mine, name), getattr(other, name)), name
            assert (mine.at, repr(mine)) == (other.at, repr(other))


class TestStores:
    @pytest.mark.parametrize("kind", KINDS)
    def test_are_opened_without_the_generator(self, kind, tiny, tmp_path):
        S = lw.sweep(tiny, kind, 4, store=tmp_path / "run", **ASKED[kind])
        T = lw.Sweep.load(tmp_path / "run")
        assert (repr(S), T.stopped, len(T)) == (repr(T), "finished", 4)
        for name, value in S.columns().items():
            assert torch.equal(value, T[name])
        assert type(T.result()) is type(S.result())
        assert T.path == tmp_path / "run"

    @pytest.mark.parametrize("kind", KINDS)
    def test_take_as_many_bytes_as_was_said(self, kind, tiny, tmp_path, monkeypatch):
        from latent_widgets.core.sweep import assignment

        asked = []
        monkeypatch.setattr(assignment, "check_room", lambda needed, folder: asked.append(needed))
        lw.sweep(tiny, kind, 64, store=tmp_path / "run", chunk=64, **ASKED[kind])
        (file,) = (tmp_path / "run").glob("chunk-*")
        assert asked[0] <= file.stat().st_size <= 1.1 * asked[0] + 2048  # of the header

    def test_go_on(self, tiny, tmp_path):
        whole = lw.sweep(tiny, "warpage", 40, k=2)
        part = lw.sweep(tiny, "warpage", 40, k=2, store=tmp_path, chunk=16, on_step=lambda step: step.index < 16)
        assert (part.stopped, len(part)) == ("cancelled", 16)
        assert repr(part) == "<Sweep of 16 of 40 latents, cancelled: warpage of 'tiny'>"
        M = lw.WarpageMap.load(tmp_path)
        assert (len(M), M.total, M.stopped) == (16, 40, "cancelled")
        assert lw.Sweep.load(tmp_path).stopped == "unfinished"
        done = lw.sweep(tiny, "warpage", 40, k=2, store=tmp_path)
        assert done.stopped == "finished"
        for name, value in whole.columns().items():
            assert torch.equal(value, done[name])

    def test_a_run_of_warpage_goes_on(self, tiny, tmp_path):
        store = tmp_path / "run"
        part = lw.warpage(tiny, 40, 2, store=store, on_step=lambda step: step.index < 16)
        assert part.stopped in ("cancelled", "finished")
        M = lw.warpage(tiny, 40, 2, store=store)
        assert torch.equal(M.distances, lw.warpage(tiny, 40, 2).distances)
        assert torch.equal(lw.WarpageMap.load(store).distances, M.distances)

    def test_open_in_the_heatmap(self, tiny, tmp_path):
        lw.sweep(tiny, "warpage", 6, k=2, store=tmp_path)
        panel = lw.WarpageHeatmap(lw.WarpageMap.load(tmp_path), tiny, executor="inline")
        panel.selected = (0, 3)
        assert repr(panel) == "<WarpageHeatmap of 6 latents in w: k = 2, geodesic>"
        panel.close()

    def test_of_another_kind(self, tiny, tmp_path):
        lw.sweep(tiny, "local_basis", 3, store=tmp_path)
        with pytest.raises(ValueError, match=r"must be one of 'warpage', got one of 'local_basis'. Use lw.Sweep.load"):
            lw.WarpageMap.load(tmp_path)

    def test_of_another_generator(self, tiny, make_network, tmp_path):
        from latent_widgets.generators.style import StyleGenerator

        lw.sweep(tiny, "local_basis", 3, store=tmp_path)
        with pytest.raises(ValueError, match="store must be of the same generator, 'tiny"):
            lw.sweep(StyleGenerator(make_network(seed=1), "tiny"), "local_basis", 3, store=tmp_path)
        with pytest.raises(ValueError, match=r"store must be of the same parameter k, 2, got .* of 6"):
            lw.sweep(tiny, "local_basis", 3, k=2, store=tmp_path)
        with pytest.raises(ValueError, match="store must be of the same codes"):
            lw.sweep(tiny, "local_basis", 3, seed=1, store=tmp_path)

    def test_of_another_class(self, tmp_path):
        G = lw.load("fashion32", condition=1)
        z = G.sample_z(3)
        lw.sweep(G, "local_basis", z, k=2, store=tmp_path)
        with pytest.raises(ValueError, match=r"store must be of the same class, '4', got .* of '1'"):
            lw.sweep(G.of_class(4), "local_basis", z, k=2, store=tmp_path)

    def test_statistics_stream(self, tiny, tmp_path):
        S = lw.sweep(tiny, "local_basis", 40, k=2, store=tmp_path, chunk=16)
        bases = S["directions"]
        distances = lw.pairwise_distances(bases)
        found = lw.pair_statistics(S.blocks("directions"))
        assert found.count == 40 * 39 // 2
        assert found.mean == pytest.approx(float(distances.sum() / (40 * 39)), rel=1e-9)
        mean, other = lw.frechet_mean(S.blocks("directions")), lw.frechet_mean(bases)
        assert float(lw.grassmann_distance(mean.mean, other.mean)) < 1e-6
        wanted = S["singular_values"].quantile(torch.tensor([0.1, 0.9], dtype=torch.float64), dim=0)
        assert torch.allclose(lw.spectrum_quantiles(S.blocks("singular_values"), (0.1, 0.9)), wanted, rtol=1e-12)


class TestWorkers:
    @pytest.mark.parametrize("kind", KINDS)
    def test_two_give_what_one_gives(self, kind, tiny):
        alone = lw.sweep(tiny, kind, 6, **ASKED[kind])
        for backend in ("threading", "loky"):
            with joblib.parallel_config(backend=backend, n_jobs=2):
                both = lw.sweep(tiny, kind, 6, **ASKED[kind])
            for name, value in alone.columns().items():
                assert as_close_as_rounding(both[name], value), (backend, name)

    def test_warpage_goes_to_them_too(self, tiny):
        with joblib.parallel_config(backend="loky", n_jobs=2):
            M = lw.warpage(tiny, 40, 2)
        assert as_close_as_rounding(M.bases, lw.warpage(tiny, 40, 2).bases)

    def test_lambdas_are_sent_by_cloudpickle(self):
        net, factor = torch.nn.Linear(5, 3 * 8 * 8), 0.5
        G = lw.load(lambda z: net(factor * z).tanh().reshape(-1, 3, 8, 8), z_dim=5)
        with joblib.parallel_config(backend="loky", n_jobs=2):
            S = lw.sweep(G, "image_spectrum", 4, k=2)
        assert torch.allclose(S["singular_values"], lw.sweep(G, "image_spectrum", 4, k=2)["singular_values"], rtol=1e-4)


class TestSteps:
    def test_say_what_it_takes(self, tiny):
        told = []
        lw.sweep(tiny, "image_spectrum", 3, k=2, on_step=lambda step: told.append(step))
        assert told[0].plan.count == 3
        assert told[0].plan.unit == "latent"
        assert (told[0].index, told[-1].index, told[-1].total) == (0, 3, 3)
        assert told[-1].rate > 0
        assert told[-1].left == 0

    def test_cancelled_before_anything(self, tiny):
        S = lw.sweep(tiny, "image_spectrum", 3, on_step=lambda step: False)
        assert (S.stopped, len(S)) == ("cancelled", 0)
        with pytest.raises(ValueError, match="must have finished rows, got none"):
            S.columns()
        with pytest.raises(ValueError, match="must have finished rows, got none"):
            _ = S.names

    def test_bar(self, tiny, capsys):
        lw.sweep(tiny, "local_basis", 20, progress=True)
        shown = capsys.readouterr().err
        assert "local_basis" in shown
        assert "20/20" in shown

    def test_bar_begins_where_the_store_is(self, tiny, tmp_path, capsys):
        lw.sweep(tiny, "local_basis", 32, store=tmp_path, chunk=16, on_step=lambda step: step.index < 16)
        lw.sweep(tiny, "local_basis", 32, store=tmp_path, progress=True)
        assert "16/32" in capsys.readouterr().err

    def test_what_fails_is_said(self, tiny, monkeypatch):
        from latent_widgets.sweeps import spectra

        made = spectra.function_of

        def picky(G, code, target, space):
            if torch.equal(code, G.map(G.sample_z(5))[3]):
                raise ValueError("The derivative must be finite.")
            return made(G, code, target, space)

        monkeypatch.setattr(spectra, "function_of", picky)
        S = lw.sweep(tiny, "image_spectrum", 5)
        assert repr(S) == "<Sweep of 4 of 5 latents, failed: 1: image_spectrum of 'tiny'>"
        (failure,) = S.failures
        assert (failure.first, failure.last) == (3, 3)
        assert "The derivative must be finite" in failure.reason
        assert S.done.tolist() == [0, 1, 2, 4]


class TestBadInput:
    @pytest.mark.parametrize("kind", KINDS)
    def test_no_latent(self, kind, tiny):
        with pytest.raises(ValueError, match=r"codes must be at least 1, got 0"):
            lw.sweep(tiny, kind, 0, **ASKED[kind])
        with pytest.raises(ValueError, match=r"codes must hold at least one, got none|codes must have shape"):
            lw.sweep(tiny, kind, tiny.sample_z(2)[:0], **ASKED[kind])

    @pytest.mark.parametrize("kind", KINDS)
    def test_one_latent(self, kind, tiny):
        S = lw.sweep(tiny, kind, tiny.sample_z(1)[0], **ASKED[kind])
        assert (S.stopped, len(S), S.total) == ("finished", 1, 1)
        S.result()

    def test_one_latent_has_no_pairs(self, tiny):
        S = lw.sweep(tiny, "local_basis", 1)
        with pytest.raises(ValueError, match=r"at least two|at least 2"):
            lw.pair_statistics(S.blocks("directions"))

    @pytest.mark.parametrize(
        ("kind", "options", "error", "said"),
        [
            ("spectrum", {}, ValueError, "kind must be one of"),
            ("warpage", {"K": 3}, TypeError, r"must be given known keywords, got 'K'"),
            ("region_spectrum", {}, TypeError, "mask must be given for 'region_spectrum', got none"),
            ("local_basis", {"k": 7}, ValueError, "k must be"),
            ("local_basis", {"target": "nose"}, ValueError, "target must be one of"),
            ("local_basis", {"method": "progressive"}, ValueError, "method must be one of"),
            ("local_basis", {"rank_method": "mine"}, ValueError, "rank_method must be one of"),
            ("local_basis", {"budget_bytes": 0}, ValueError, "budget_bytes must be"),
            ("image_spectrum", {"target": "w"}, ValueError, "target must be one of"),
            ("image_spectrum", {"method": "lanczos"}, ValueError, "k must be given for method 'lanczos', got None"),
            ("image_spectrum", {"k": 10**6}, ValueError, "k must be"),
            ("warpage", {"k": 6}, ValueError, "k must be"),
            ("warpage", {"metric": "angle"}, ValueError, "metric must be one of"),
            ("curve", {"index": 100}, ValueError, "index must be"),
            ("curve", {"variant": "curly"}, ValueError, "variant must be one of"),
            ("curve", {"variant": "smooth", "scaled": False}, ValueError, "scaled must be True"),
            ("region_spectrum", {"mask": torch.ones(3, 5)}, ValueError, "mask must have the aspect"),
            ("region_spectrum", {"mask": MASK, "tiles": 99}, ValueError, "tiles must be"),
            ("region_spectrum", {"mask": MASK, "channels": "red"}, ValueError, "channels must be one of"),
            ("region_spectrum", {"mask": MASK, "solver": "best"}, ValueError, "solver must be one of"),
            ("local_basis", {"threads": 0}, ValueError, "threads must be at least 1"),
            ("local_basis", {"chunk": 0}, ValueError, "chunk must be at least 1"),
            ("local_basis", {"progress": "yes"}, TypeError, "progress must be"),
            ("local_basis", {"seed": -1}, ValueError, "seed must be"),
            ("local_basis", {"store": b"run"}, TypeError, "store must be a path"),
        ],
    )
    def test_is_refused_before_anything_runs(self, kind, options, error, said, tiny):
        with pytest.raises(error, match=said):
            lw.sweep(tiny, kind, 3, **options)

    def test_codes_of_something_else(self, tiny, z):
        with pytest.raises(ValueError, match="codes must have shape"):
            lw.sweep(tiny, "local_basis", torch.zeros(3, 99, dtype=torch.float64))
        with pytest.raises(TypeError, match=r"codes must have dtype torch.float64"):
            lw.sweep(tiny, "local_basis", z.float())
        with pytest.raises(TypeError, match="codes must be"):
            lw.sweep(tiny, "local_basis", "all")
        with pytest.raises(ValueError, match=r"truncation must be left out for codes in 'w', got 0.5"):
            lw.sweep(tiny, "image_spectrum", tiny.map(z), space="w", truncation=0.5)

    def test_half_precision(self, make_network):
        from latent_widgets.generators.style import StyleGenerator

        G = StyleGenerator(make_network(), "half").to(dtype=torch.bfloat16)
        with pytest.raises(ValueError, match="the generator must compute in float32 or float64"):
            lw.sweep(G, "local_basis", 3)

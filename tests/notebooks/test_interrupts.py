"""A cell that was interrupted at any moment can be run again in the same kernel."""

import random

import pytest

from tests.kernels import kernel

# (a cell, the seconds within which it is interrupted)
IMPORT = ("import latent_widgets as lw", 3.0)
LOAD = ("G, faces = lw.load('digits32'), lw.load()", 0.1)
DERIVE = ("lw.local_basis(G, G.sample_z(1)[0], 'image', k=2)", 3.0)
INVERT = ("found = lw.invert(G, G(G.sample_z(1, 3))[0], space='z', steps=20)", 3.0)
STEER = ("explorer = lw.LatentExplorer(faces, lw.ganspace(faces, k=2), seed=3)\nexplorer", 2.0)
LOOK = ("assert explorer.wait(60)\nassert explorer.error is None, explorer.error\nexplorer.save('face.pdf')", 1.0)
FIT = ("density = lw.fit_density(faces, kind='mixture', components=2, n=400)", 2.0)
MEASURE = (
    "spectrum = lw.JacobianSpectrum(G, G.sample_z(1)[0])\nspectrum.wait(60)\n"
    "assert spectrum.error is None, spectrum.error",
    3.0,
)
TRAIN = ("lelsd = lw.lelsd(faces, lw.load_segmenter('faces64'), part='mouth', k=1, steps=4)", 4.0)
PAINT = ("painter = lw.MaskPainter(faces(faces.sample_z(1))[0])\npainter", 0.3)
SAVE = ("lelsd.directions.save('mouth.safetensors')\nlw.Directions.load('mouth.safetensors')", 0.05)
ALL = (IMPORT, LOAD, DERIVE, STEER, LOOK, FIT, INVERT, TRAIN, MEASURE, PAINT, SAVE)
slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("cells", "seed"),
    [
        pytest.param((IMPORT, LOAD, DERIVE), 1, id="import and derivative"),
        pytest.param((IMPORT, LOAD, INVERT), 2, id="optimiser first", marks=slow),
        *[pytest.param(ALL, seed, id=f"all, {seed}", marks=slow) for seed in (3, 4, 5)],
    ],
)
def test_interrupted_cell_runs_when_it_is_run_again(cells, seed, tmp_path):
    rng = random.Random(seed)
    with kernel(tmp_path) as notebook:
        for code, within in cells:
            for _ in range(2):
                cut = notebook.run(code, interrupt=rng.uniform(0, within))
                assert cut.raised in ("", "KeyboardInterrupt"), cut.said
            again = notebook.run(code)
            assert not again.raised, again.said

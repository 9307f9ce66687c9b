"""A panel takes known keywords, can be shown without a kernel, and leaves nothing behind."""

import base64
import gc
import io

import ipywidgets
import numpy as np
import pytest
from PIL import Image
from traitlets import TraitError

from latent_widgets.widgets.kit.panel import Panel, close_tree
from tests.widgets.conftest import PATIENCE, Faces


@pytest.mark.parametrize(
    ("keyword", "message"),
    [
        ("sead", r"Faces must be given known keywords, got 'sead'\. Did you mean 'seed'\?.*width"),
        ("busy", r"Faces must be given known keywords, got 'busy'\."),
        ("box_style", r"Faces must be given known keywords, got 'box_style'\."),
        ("_closed", r"Faces must be given known keywords"),
        ("keywords", r"Faces must be given known keywords"),
    ],
)
def test_unknown_keyword_is_refused(keyword, message, instances):
    with pytest.raises(TypeError, match=message):
        Faces(0.5, **{keyword: 1})
    assert instances() == 0


def test_traits_of_the_subclass_layout_and_theme_are_keywords():
    layout = ipywidgets.Layout(width="500px")
    with Faces(0.5, seed=7, layout=layout, theme="dark", executor="inline") as panel:
        assert (panel.seed, panel.layout.width, panel.theme) == (7, "500px", "dark")


def test_results_cannot_be_set(faces):
    for name, value in (("busy", True), ("error", None), ("status", "fine")):
        with pytest.raises(TraitError, match="read-only"):
            setattr(faces, name, value)


def test_theme_is_worn_as_a_class(faces):
    assert "lw-auto" in faces._dom_classes
    faces.theme = "dark"
    assert "lw-dark" in faces._dom_classes
    assert "lw-auto" not in faces._dom_classes
    with pytest.raises(TraitError, match="theme"):
        faces.theme = "blue"


def test_close_frees_every_widget(instances):
    assert instances() == 0
    panel = Faces(0.5)
    assert instances() > 20
    panel.slider.value = 20
    panel.close()
    panel.close()
    assert instances() == 3  # the number box at the other end of the link, which no panel owns, its layout and style
    assert panel.job.wait(PATIENCE)
    panel.show_error(ValueError("late"))
    panel.dismiss()
    panel.slider.value = 30
    assert panel.error is None


def test_closed_panel_can_be_collected(gate):
    import weakref

    panel = Faces(0.5, executor="thread")
    panel.run(lambda on_step: 0)
    panel.close()
    assert panel.job.wait(PATIENCE)
    gone = weakref.ref(panel)
    del panel
    gc.collect()
    assert gone() is None


def test_panel_in_a_panel_is_closed_with_its_job(instances):
    inner = Panel()
    with Panel([ipywidgets.HBox([inner])]):
        pass
    assert inner.job.closed
    assert instances() == 0


def test_close_tree_takes_all_that_hangs_on_a_widget(instances):
    outside = ipywidgets.IntText()
    before = instances()
    tab = ipywidgets.Tab([ipywidgets.VBox([ipywidgets.FloatSlider(), ipywidgets.ToggleButtons(options=["a"])])])
    link = ipywidgets.jslink((tab.children[0].children[0], "value"), (outside, "value"))
    close_tree(tab, link)
    assert instances() == before
    close_tree(outside)
    assert instances() == 0


def test_work_that_ends_after_close_touches_nothing(gate):
    panel, slow, seen = Faces(0.5, executor="thread"), gate(), []
    panel.run(slow, seen.append)
    slow.await_begin()
    panel.close()
    slow.open()
    assert panel.job.wait(PATIENCE)
    assert seen == []


def test_bundle_has_view_words_and_picture(faces):
    bundle = faces._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == faces.model_id
    assert bundle["text/plain"] == repr(faces) == "<Faces idle>"
    png = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert (png.size, png.getpixel((0, 0))) == ((6, 4), (191, 191, 191))


def test_bundle_survives_a_failing_picture(faces, monkeypatch):
    monkeypatch.setattr(faces, "_static_image", lambda: 1 / 0)
    assert "image/png" not in faces._repr_mimebundle_()
    assert isinstance(faces.error, ZeroDivisionError)


def test_save_and_figure_give_the_picture(faces, tmp_path):
    path = faces.save(tmp_path / "face.png")
    assert np.array_equal(np.array(Image.open(path)), np.array(faces.picture.to_pil()))
    assert faces.save(str(tmp_path / "face.svg")).read_text().startswith("<?xml")
    axes = faces.figure().axes[0]
    assert axes.images[0].get_array().shape == (4, 6, 3)


def test_panel_without_a_picture_says_so(tmp_path):
    with Panel(executor="inline") as panel:
        assert "image/png" not in panel._repr_mimebundle_()
        with pytest.raises(
            ValueError, match=r"Panel must show a picture first, got none yet\. Wait for its first run\."
        ):
            panel.save(tmp_path / "none.png")


def test_every_control_has_words_and_a_tooltip(faces):
    line = faces.line
    for button in (line.cancel, line.dismiss):
        assert button.description
        assert button.tooltip
    assert 'role="status"' in line.text.value
    faces.button.click()
    assert 'role="alert"' in line.message.value

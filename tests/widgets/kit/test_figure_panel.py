"""A panel that stands as one figure: it says what is missing, and showing it waits a moment for the first result."""

import pytest

from latent_widgets.core.figures import new_figure
from latent_widgets.widgets.kit import figure_panel as _figure_panel
from latent_widgets.widgets.kit.figure_panel import FigurePanel
from tests.widgets.conftest import PATIENCE


class Line(FigurePanel):
    """A line, once its values are there."""

    _needs = "a line"

    def __init__(self, work):
        self.values = None
        super().__init__(executor="thread")
        self.run(work, lambda values: setattr(self, "values", values))

    @property
    def _has_result(self):
        return self.values is not None

    def _draw_figure(self):
        figure = new_figure(2, 1)
        figure.subplots().plot(self.values)
        return figure


def test_what_is_missing_is_said_and_shown_without_a_picture(gate, monkeypatch, tmp_path):
    monkeypatch.setattr(_figure_panel, "STATIC_WAIT", 0.001)
    slow = gate([0, 1])
    with Line(slow) as panel:
        slow.await_begin()
        assert "image/png" not in panel._repr_mimebundle_()
        with pytest.raises(ValueError, match=r"Line must show a line first, got none yet\. Wait for its first run\."):
            panel.figure()
        with pytest.raises(ValueError, match="Line must show a picture first"):
            panel.save(tmp_path / "a.png")
        slow.open()
        assert panel.wait(PATIENCE)
        assert len(panel.figure().axes) == 1


def test_showing_waits_for_the_first_result(gate, monkeypatch):
    monkeypatch.setattr(_figure_panel, "STATIC_WAIT", PATIENCE)
    slow = gate([0, 1])
    with Line(slow) as panel:
        slow.await_begin()
        slow.open()
        assert "image/png" in panel._repr_mimebundle_()

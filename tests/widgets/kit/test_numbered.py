"""A slider and the number box beside it say the same."""

from latent_widgets.widgets.kit.log_slider import LogSlider
from latent_widgets.widgets.kit.numbered import NumberSlider
from latent_widgets.widgets.kit.panel import close_tree


def test_number_slider_and_its_box_agree():
    control = NumberSlider(1.0, 0, 1.2, 0.05, "truncation", "How far")
    heard = []
    control.observe(lambda change: heard.append(change["new"]), "value")
    control.slider.value = 14
    assert (control.value, control.box.value) == (0.7, 0.7)
    control.box.value = 0.731
    assert (control.value, control.slider.number) == (0.731, 0.75)
    control.value = 2.5
    assert (control.box.value, control.slider.number) == (2.5, 2.5)
    assert heard == [0.7, 0.731, 2.5]
    close_tree(control)


def test_log_slider_and_its_box_say_the_same():
    slider = LogSlider(1e-3, -5, 0, "tolerance", "How much")
    assert (slider.slider.value, slider.box.value) == (-12, 1e-3)
    slider.slider.value = -2
    assert slider.value == slider.box.value == 0.316
    slider.box.value = 0.02
    assert slider.value == 0.02
    assert slider.slider.value == -7
    slider.close()

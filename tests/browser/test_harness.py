"""The harness sees what a user would see, and what a notebook would swallow."""

import pytest

from tests.browser.jupyterlab import KernelError

SLIDER = """
import ipywidgets
slider = ipywidgets.IntSlider(min=0, max=100, description="level")
slider
"""
SWALLOWED = """
def divide(change):
    1 / 0
slider.observe(divide, "value")
"""


def test_dragged_slider_agrees_with_the_kernel(lab):
    lab.write_notebook([SLIDER])
    lab.open_notebook()
    lab.drag(lab.page.locator(".noUi-handle"), dx=80)
    shown = int(lab.page.locator(".widget-readout").inner_text())
    assert shown > 0
    assert lab.eventually(lambda: lab.kernel_eval("slider.value") == shown)
    assert lab.screenshot().stat().st_size > 0


@pytest.mark.slow
def test_sixty_moves_a_second_reach_the_slider(lab):
    lab.write_notebook([SLIDER])
    lab.open_notebook()
    before = lab.message_counts().get("send comm_msg", 0)
    times = lab.moves(lab.page.locator(".noUi-handle"), [(8 + x, 8) for x in range(60)])
    assert len(times) == 60
    assert times == sorted(times)
    shown = int(lab.page.locator(".widget-readout").inner_text())
    assert shown > 0
    assert lab.eventually(lambda: lab.kernel_eval("slider.value") == shown)
    assert lab.message_counts()["send comm_msg"] > before


@pytest.mark.expects_kernel_error
def test_exception_in_a_callback_fails_the_check(lab):
    lab.write_notebook([SLIDER, SWALLOWED])
    lab.open_notebook()
    lab.check()
    lab.page.locator(".noUi-handle").press("ArrowRight")
    lab.eventually(lambda: lab.errors)
    with pytest.raises(AssertionError, match="ZeroDivisionError: division by zero"):
        lab.check()


@pytest.mark.expects_kernel_error
def test_failing_code_is_an_exception_of_the_test(lab):
    lab.write_notebook(["answer = 42"])
    lab.open_notebook()
    assert lab.kernel_eval("answer") == 42
    assert lab.kernel_run("print(answer)") == "42\n"
    with pytest.raises(KernelError, match="NameError: name 'question' is not defined"):
        lab.kernel_eval("question")
    with pytest.raises(KernelError, match="ValueError: no"):
        lab.kernel_run("raise ValueError('no')")


@pytest.mark.slow
def test_kernel_outlives_a_reload_and_the_theme_turns_dark(lab):
    lab.write_notebook([SLIDER])
    lab.open_notebook()
    lab.kernel_run("slider.value = 7")
    lab.reload()
    assert lab.kernel_eval("slider.value") == 7
    background = "() => getComputedStyle(document.body).getPropertyValue('--jp-layout-color0')"
    light = lab.page.evaluate(background)
    lab.dark()
    assert lab.page.evaluate(background) != light

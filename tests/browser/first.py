"""The explorer's first screen in the page, and hands on its picture."""

from tests.browser.pages import Explorer

# A default explorer, as somebody new makes it.
FIRST = """
import latent_widgets as lw
G = lw.load()
explorer = lw.LatentExplorer(G, seed=4)
explorer
"""
# What can be used, apart from the rows of sliders.
CONTROLS = """panel => [...panel.querySelectorAll('input, button, select, [role=slider], [role=tab]')]
    .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.closest('.lw-direction'))
    .map(e => e.title || e.textContent)"""
# Where picture, active row, walk and header come, in the order of the page, which is that of the Tab key.
ORDER = """panel => { const all = [...panel.querySelectorAll('*')];
    return ['.lw-stage', '.lw-direction.lw-active', '.lw-walk', '.lw-head'].map(
        one => all.indexOf(panel.querySelector(one))); }"""


class First(Explorer):
    """The explorer's parts, and hands on its picture of 64 pixels."""

    def __init__(self, lab):
        super().__init__(lab)
        self.before = self.panel.locator("img.lw-before")

    def at(self, x, y):
        """A place in the window."""
        box = self.picture.bounding_box()
        return box["x"] + x / 64 * box["width"], box["y"] + y / 64 * box["height"]

    def paint(self, *points):
        """Take the brush and make a stroke."""
        brush = self.button("brush")
        if "mod-active" not in brush.get_attribute("class"):
            brush.click()
        self.panel.locator(".lw-hands.lw-tool").wait_for()  # the page has it from the kernel
        self.picture.scroll_into_view_if_needed()
        mouse = self.lab.page.mouse
        mouse.move(*self.at(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.at(*point), steps=10)
        mouse.up()

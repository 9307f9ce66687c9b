"""How panels look: one style sheet that follows JupyterLab, VS Code and Colab, or a theme of its own.

Colours that carry meaning are Okabe and Ito's (2008), which colour-blind readers tell apart; none carries it alone.
"""

from __future__ import annotations

__all__ = ["CSS", "THEMES", "theme_class"]

THEMES = ("auto", "light", "dark")


def theme_class(theme: str) -> str:
    """Return the class that a panel of this theme wears."""
    return f"lw-{theme}"


_FRONT_ENDS = """
.lw-panel {
  --lw-ink: var(--jp-ui-font-color1, var(--vscode-editor-foreground, var(--colab-primary-text-color, #212121)));
  --lw-dim: var(--jp-ui-font-color2, var(--vscode-descriptionForeground, var(--colab-secondary-text-color, #616161)));
  --lw-paper: var(--jp-layout-color0, var(--vscode-editor-background, var(--colab-primary-surface-color, transparent)));
  --lw-edge: var(--jp-border-color2, var(--vscode-panel-border, var(--colab-border-color, #c8c8c8)));
  --lw-soft: var(--jp-layout-color2, var(--vscode-textCodeBlock-background, rgba(128, 128, 128, .15)));
}
"""

# A theme of the panel's own: what ipywidgets' controls read is set with it, since they look it up at the root.
_OWN = """
.lw-panel.lw-%(name)s {
  --lw-ink: %(ink)s; --lw-dim: %(dim)s; --lw-paper: %(paper)s; --lw-edge: %(edge)s; --lw-soft: %(soft)s;
  --jp-ui-font-color0: %(ink)s; --jp-ui-font-color1: %(ink)s; --jp-ui-font-color2: %(dim)s;
  --jp-content-font-color1: %(ink)s; --jp-border-color1: %(edge)s; --jp-border-color2: %(edge)s;
  --jp-layout-color0: %(paper)s; --jp-layout-color1: %(paper)s; --jp-layout-color2: %(soft)s;
  --jp-layout-color3: %(edge)s; --jp-inverse-layout-color0: %(ink)s;
  --jp-widgets-color: %(ink)s; --jp-widgets-label-color: %(ink)s; --jp-widgets-readout-color: %(ink)s;
  --jp-widgets-input-color: %(ink)s; --jp-widgets-input-background-color: %(paper)s;
  --jp-widgets-input-border-color: %(edge)s; --jp-widgets-slider-handle-background-color: %(paper)s;
  --jp-widgets-slider-handle-border-color: %(edge)s;
  color-scheme: %(name)s;
}
"""

_LIGHT = {
    "name": "light",
    "ink": "#212121",
    "dim": "#5f5f5f",
    "paper": "#ffffff",
    "edge": "#bdbdbd",
    "soft": "#eeeeee",
}
_DARK = {
    "name": "dark",
    "ink": "#e6e6e6",
    "dim": "#a8a8a8",
    "paper": "#151515",
    "edge": "#555555",
    "soft": "#2b2b2b",
}

# The arrow of ipywidgets' dropdowns is nearly black: this grey has a contrast of three to one on light and on dark.
_ARROW = """
.lw-panel { --jp-widgets-dropdown-arrow: url("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' \
viewBox='0 0 18 18'><path fill='rgb(140,140,140)' d='M5 6l4 4 4-4 1.2 1.2L9 12.4 3.8 7.2z'/></svg>"); }
"""

# The line stays in sight, at the foot of the window, while any of its panel does. For that no box may clip between it
# and what scrolls. JupyterLab's boxes do, so that what is too wide scrolls in them: here, then, the notebook does that.
_FOOT = """
.jp-OutputArea-output:has(> .lw-panel), .jp-OutputArea-child:has(> * > .lw-panel),
.jp-CodeCell:not(.jp-mod-outputsScrolled) .jp-Cell-outputArea:has(> * > * > .lw-panel) { overflow: visible; }
.lw-panel { isolation: isolate; }
.lw-panel > .lw-foot { position: sticky; bottom: 0; z-index: 20; flex: none; overflow: visible; margin: 0 -6px -6px;
  padding: 0 6px 6px; background: var(--lw-paper); }
.lw-panel > .lw-foot > .lw-trouble { max-height: max(150px, 45vh); overflow: auto; }
.lw-panel :is(button, input, select, textarea, summary, [tabindex]) { scroll-margin-bottom: 48px; }
"""

_RULES = """
.lw-panel { color: var(--lw-ink); background: var(--lw-paper); gap: 6px; padding: 6px; overflow: visible; }
.lw-panel.lw-panel :focus-visible { outline: 2px solid #0072b2 !important; outline-offset: 1px !important; }
.lw-panel .lw-row { flex-flow: row wrap; align-items: center; gap: 4px 8px; overflow: visible; }
.lw-panel .noUi-handle { background: var(--jp-brand-color1, #0072b2); border-color: var(--jp-brand-color1, #0072b2); }
.lw-panel .lw-strip { overflow-x: auto; overflow-y: hidden; }
.lw-panel .lw-title { font-weight: 600; }
.lw-panel .lw-note, .lw-panel .lw-note * { color: var(--lw-dim); font-size: 12px; line-height: 1.4; }
.lw-panel .lw-picture .lw-note { white-space: normal; height: auto; min-height: 18px; }
.lw-panel .lw-tool-button { width: auto; }
.lw-panel .lw-foot .lw-line button:disabled { visibility: hidden; }
.lw-panel .lw-picture { overflow: visible; flex: none; }
.lw-panel .lw-picture img { display: block; margin: 0; background: var(--lw-soft); border-radius: 2px; }
.lw-panel .lw-pixelated img, .lw-panel img.lw-pixelated { image-rendering: pixelated; }
.lw-panel .lw-line { border-top: 1px solid var(--lw-edge); padding-top: 4px; min-height: 34px; }
.lw-panel .lw-status { color: var(--lw-dim); font-size: 12px; white-space: nowrap; }
.lw-panel .lw-status b { font-weight: 600; color: var(--lw-ink); }
.lw-panel .lw-mark { display: inline-block; width: 1.3em; text-align: center; }
.lw-panel .lw-busy .lw-mark { color: var(--jp-brand-color1, #0072b2); }
.lw-panel .lw-error .lw-mark { color: #d55e00; }
.lw-panel .lw-trouble { border-left: 4px solid #d55e00; background: var(--lw-soft); padding: 6px 10px;
  align-items: flex-start; overflow: visible; }
.lw-panel .lw-trouble .widget-html-content { color: var(--lw-ink); line-height: 1.4; overflow-wrap: anywhere; }
.lw-panel .lw-trouble button { border: 1px solid var(--lw-edge); }
.lw-panel .lw-trouble details { margin-top: 4px; }
.lw-panel .lw-trouble summary { cursor: pointer; color: var(--lw-dim); font-size: 12px; }
.lw-panel .lw-trouble pre { margin: 4px 0 0; max-height: 240px; overflow: auto; font-size: 11px; line-height: 1.35;
  color: var(--lw-ink); background: transparent; white-space: pre; }
.lw-panel .lw-columns { flex-flow: row wrap; align-items: flex-start; gap: 8px 18px; overflow: visible; }
.lw-panel .lw-left { flex: none; max-width: 100%; overflow: visible; gap: 4px; }
.lw-panel .lw-right { flex: 1 1 390px; min-width: 0; max-width: 860px; overflow: visible; gap: 6px; }
.lw-panel .lw-right .widget-label, .lw-panel .lw-pages .widget-label { width: auto; }
.lw-panel .lw-icon { width: 30px; flex: none; padding: 0; text-overflow: clip; font-size: 0; display: inline-flex;
  align-items: center; justify-content: center; }
.lw-panel .lw-icon i { margin: 0; font-size: var(--jp-widgets-font-size, 13px); }
.lw-panel .lw-mute { position: relative; }
.lw-panel .lw-mute > .widget-label { position: absolute; width: 1px; height: 1px; margin: -1px; padding: 0;
  overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.lw-panel .lw-short { width: auto; flex: none; }
.lw-panel .lw-short input { width: 84px; flex: none; }
.lw-panel .jupyter-button:not(.lw-icon):not(.widget-toggle-button):not(.lw-index):not(.lw-seed) { width: auto; }
.lw-panel .lw-toggles { width: auto; overflow: visible; flex-flow: row nowrap; align-items: center; }
.lw-panel .lw-toggles .widget-toggle-button { width: auto; }
.lw-panel .lw-rows { gap: 2px; overflow: auto; max-height: 276px; scrollbar-gutter: stable; }
.lw-panel .lw-sliders > .lw-rows {  /* a shade where there are more: not every page shows a scrollbar */
  background: linear-gradient(var(--lw-paper) 40%, transparent) top / 100% 24px no-repeat local,
    linear-gradient(transparent, var(--lw-paper) 60%) bottom / 100% 24px no-repeat local,
    linear-gradient(rgba(128, 128, 128, .4), transparent) top left / calc(100% - 16px) 10px no-repeat scroll,
    linear-gradient(transparent, rgba(128, 128, 128, .4)) bottom left / calc(100% - 16px) 10px no-repeat scroll; }
.lw-panel .lw-direction { flex-flow: row nowrap; align-items: center; gap: 0 4px; padding: 0 4px; height: 32px;
  flex: none; overflow: visible; border-left: 3px solid transparent; }
.lw-panel .lw-direction.lw-active { border-left-color: #0072b2; background: var(--lw-soft); }
.lw-panel .lw-direction > * { margin: 1px; }
.lw-panel .lw-index { width: 30px; flex: none; padding: 0; }
.lw-panel .lw-name { flex: 1 1 90px; min-width: 90px; max-width: 170px; width: auto; }
.lw-panel .lw-name input { text-overflow: ellipsis; unicode-bidi: plaintext; }
.lw-panel .lw-alpha { flex: 3 1 90px; min-width: 90px; width: auto; }
.lw-panel .lw-grow { flex: 1 1 320px; min-width: 0; overflow: visible; }
.lw-panel .lw-numbered { flex-flow: row nowrap; align-items: center; overflow: visible; }
.lw-panel .lw-numbered .widget-hslider { flex: 1 1 auto; width: auto; min-width: 0; }
.lw-panel .lw-number { flex: none; width: 72px; }
.lw-panel .lw-unit { flex: none; width: auto; color: var(--lw-dim); }
.lw-panel .lw-layers { overflow: visible; flex: 0 1 330px; min-width: 190px; width: auto; }
.lw-panel .lw-layers .widget-hslider { width: auto; flex: 1 1 auto; }
.lw-panel .lw-layers .widget-readout { min-width: 44px; }
.lw-panel .lw-rows { container-type: inline-size; }
.lw-panel .lw-share { flex: none; width: 92px; color: var(--lw-dim); font-size: 12px; white-space: nowrap; }
.lw-panel .lw-bar { position: relative; display: inline-block; width: 52px; height: 9px; vertical-align: middle;
  border: 1px solid var(--lw-edge); border-radius: 2px; }
.lw-panel .lw-bar i { position: absolute; inset: 0 auto 0 0; background: #009e73; }
.lw-panel .lw-bar b { position: absolute; top: -3px; bottom: -3px; width: 2px; background: var(--lw-ink); }
@container (max-width: 430px) { .lw-panel .lw-direction > .lw-unit { display: none; } }
@container (max-width: 540px) {  /* a bar beside a slider: its number is among the words that it shows */
  .lw-panel .lw-direction:has(> .lw-share) > .lw-unit { display: none; }
  .lw-panel .lw-direction:has(> .lw-share) > .lw-name, .lw-panel .lw-direction:has(> .lw-share) > .lw-alpha {
    min-width: 64px; }
  .lw-panel .lw-direction:has(> .lw-share) > .lw-number { width: 58px; }
  .lw-panel .lw-direction > .lw-share { width: 54px; overflow: hidden; }
}
.lw-panel .lw-stage { overflow: visible; flex: none; max-width: 100%; }
.lw-panel .lw-stage > :has(> .jupyter-widgets-error-widget) { display: none; }
.lw-panel .lw-stage .lw-picture { max-width: 100%; }
.lw-panel .lw-stage img { max-width: 100%; height: auto; }
.lw-panel .lw-first { gap: 6px; overflow: visible; }
.lw-panel .lw-first > .lw-head { order: -1; }
.lw-panel .lw-head > .lw-title { flex: 0 1 auto; max-width: 160px; margin-right: 6px; overflow: hidden;
  text-overflow: ellipsis; }
.lw-panel .lw-head > .lw-wide { flex: 1 1 200px; max-width: 300px; }
.lw-panel .lw-shelf, .lw-panel .lw-sliders, .lw-panel .lw-adder { overflow: visible; gap: 4px; }
.lw-panel .lw-adder { border: 1px solid var(--lw-edge); border-radius: 4px; padding: 6px; }
.lw-panel .lw-chip { align-items: center; overflow: visible; border: 1px solid var(--lw-edge); border-radius: 14px;
  padding: 0 2px; }
.lw-panel .lw-chip button { background: transparent; box-shadow: none; height: 24px; line-height: 24px; margin: 0; }
.lw-panel .lw-chip .lw-chip-name { max-width: 240px; padding: 0 6px; }
.lw-panel .lw-chip .lw-icon { width: 22px; border-radius: 11px; }
.lw-panel .lw-chip.lw-moved { border-color: #0072b2; }
.lw-panel .lw-moved .lw-chip-name { max-width: 360px; }
.lw-panel .lw-moved .lw-chip-name::after { content: ""; display: inline-block; width: 7px; height: 7px;
  margin-left: 6px; border-radius: 50%; background: #0072b2; vertical-align: 1px; forced-color-adjust: none; }
.lw-panel .lw-right > .lw-row > .jupyter-button { max-width: 300px; }
.lw-panel .lw-add { width: auto; height: 26px; line-height: 26px; }
.lw-panel .lw-set { color: var(--lw-dim); font-size: 12px; height: 22px; line-height: 22px; flex: none; width: auto; }
.lw-panel .lw-groups button { width: auto; min-width: 84px; text-transform: uppercase; letter-spacing: .04em; }
.lw-panel .lw-page { overflow: visible; gap: 6px; padding: 8px; border: 1px solid var(--lw-edge); border-radius: 4px; }
.lw-panel .lw-parameter { width: auto; max-width: 220px; }
.lw-panel .lw-parameter input[type="number"], .lw-panel .lw-parameter input[type="text"] { width: 72px; flex: none; }
.lw-panel .lw-parameter .widget-label-basic { flex-flow: row nowrap; gap: 4px; }
.lw-panel .lw-parameter input[type="checkbox"] { margin: 0 4px; }
.lw-panel .lw-pages { overflow: visible; gap: 4px; }
.lw-panel .lw-cell { width: 84px; align-items: center; overflow: visible; }
.lw-panel .lw-seed { width: 80px; }
.lw-panel .lw-wide { width: auto; flex: 1 1 260px; max-width: 420px; }
.lw-panel .lw-short .widget-label, .lw-panel .lw-wide .widget-label { width: auto; }
.lw-panel .lw-short, .lw-panel .widget-dropdown:not(.lw-wide):not(.lw-parameter) { max-width: 100%; }
.lw-panel .widget-dropdown select { min-width: 0; text-overflow: ellipsis; }
.lw-panel .lw-short > select { max-width: 240px; }
.lw-panel .lw-tick { width: auto; flex: none; margin: 2px 6px 2px 2px; }
.lw-panel .lw-plot { position: relative; width: 100%; flex: none; overflow: visible; user-select: none; }
.lw-panel .lw-plot > .widget-html { width: 100%; height: auto; margin: 0; }
.lw-panel .lw-plot .widget-html-content { line-height: 0; width: 100%; }
.lw-panel .lw-svg { display: block; width: 100%; height: auto; overflow: visible; }
.lw-panel .lw-stale { opacity: .45; }
.lw-panel .lw-plots { flex-flow: row wrap; align-items: flex-start; gap: 6px 12px; overflow: visible; }
.lw-panel .lw-plots > .lw-plot { flex: 1 1 240px; width: auto; min-width: 0; }
.lw-panel .lw-message .widget-html-content { border-left: 4px solid #e69f00; background: var(--lw-soft);
  color: var(--lw-ink); padding: 6px 10px; line-height: 1.4; overflow-wrap: anywhere; }
.lw-panel .lw-message .widget-html-content * { color: var(--lw-ink); }
.lw-panel .lw-message pre { margin: 4px 0; background: transparent; color: var(--lw-ink); white-space: pre-wrap; }
.lw-panel .lw-drop, .lw-panel .lw-drop .widget-html-content { overflow: visible; }
.lw-panel .lw-drop > .widget-html { flex: 1 1 auto; max-width: 720px; height: auto; }
.lw-panel .lw-place { position: relative; display: block; padding: 14px; text-align: center; line-height: 1.4;
  color: var(--lw-ink); border: 2px dashed var(--lw-edge); border-radius: 4px; }
.lw-panel .lw-place:hover { border-color: #0072b2; }
.lw-panel .lw-place:focus-within { outline: 2px solid #0072b2; outline-offset: 1px; }
.lw-panel .lw-place input { position: absolute; inset: 0; width: 100%; height: 100%; opacity: 0; cursor: pointer; }
.lw-panel .lw-crop { flex: 1 1 260px; min-width: 0; max-width: 420px; overflow: visible; }
.lw-panel .lw-crop > .lw-wide { flex: none; }
.lw-panel .lw-crop .widget-hslider .widget-label { width: 62px; }
.lw-panel .lw-between { flex: 1 1 330px; max-width: 520px; }
.lw-panel .lw-between > .lw-numbered { flex: 1 1 auto; min-width: 0; }
.lw-panel .lw-row > .lw-plot { width: auto; flex: 1 1 200px; }
.lw-panel .lw-plot > .lw-marks { position: absolute; inset: 0; height: 100%; pointer-events: none; }
.lw-panel .lw-marks .widget-html-content { position: absolute; inset: 0; height: 100%; }
.lw-panel .lw-marks span { position: absolute; box-sizing: border-box; border: 2px solid #e69f00;
  background: rgba(230, 159, 0, .18); border-radius: 2px; min-width: 5px; min-height: 5px; }
.lw-panel .lw-framed .lw-marks span { border: 2px solid #fff; outline: 2px solid #000; background: none; }
.lw-panel .lw-plot > .lw-layer { position: absolute; inset: 0; pointer-events: none; }
.lw-panel .lw-overlay { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; visibility: hidden; }
.lw-panel .lw-plot:active > .lw-overlay { visibility: visible; }
.lw-panel .lw-described { height: auto; max-width: none; flex: none; margin: 0; overflow: visible; }
.lw-panel .lw-described > .widget-html-content { line-height: 0; }
.lw-panel .lw-described img { width: 100%; height: auto; }
.lw-panel .lw-film, .lw-panel .lw-film .lw-described { max-width: 100%; }
.lw-panel .lw-film img { max-width: 100%; height: auto; }
.lw-panel .lw-empty img { display: none; }
.lw-panel .lw-layer .lw-spot { pointer-events: auto; }
.lw-panel rect.lw-spot:hover { stroke: #e69f00; stroke-width: 1.5; }
.lw-panel .lw-spot image { transform-box: fill-box; transform-origin: center; transition: transform .12s; }
.lw-panel .lw-spot:hover image { transform: scale(2.6); }
.lw-panel .lw-svg:has(.lw-spot:hover image) .lw-spot:not(:hover) image { opacity: .2; }
.lw-panel canvas.lw-canvas { image-rendering: pixelated; cursor: crosshair; touch-action: none; max-width: 100%;
  height: auto; flex: none; margin: 0; border-radius: 2px; background: var(--lw-soft); }
.lw-panel .lw-easel { position: relative; }
.lw-panel .lw-waiting { position: absolute; top: 6px; left: 6px; right: 6px; width: auto; margin: 0; z-index: 1;
  pointer-events: none; }
.lw-panel .lw-waiting .widget-html-content { display: inline-block; padding: 2px 8px; border-radius: 3px;
  line-height: 1.4; color: var(--lw-ink); background: var(--lw-paper); border: 1px solid #e69f00; }
.lw-panel .lw-tools, .lw-panel .lw-tools .widget-toggle-buttons { flex-flow: row wrap; width: auto; overflow: visible; }
.lw-panel .lw-keys { columns: 190px; column-gap: 12px; margin: 4px 0 0; padding: 0; list-style: none; }
.lw-panel .lw-keys li { break-inside: avoid; }
.lw-panel .lw-keys kbd { font: 11px/1.4 var(--jp-code-font-family, monospace); padding: 0 4px; border-radius: 3px;
  color: var(--lw-ink); background: var(--lw-soft); border: 1px solid var(--lw-edge); }
.lw-panel summary { cursor: pointer; }
.lw-panel .lw-code textarea { display: block; width: 100%; box-sizing: border-box; margin-top: 6px; resize: vertical;
  font: 12px/1.4 var(--jp-code-font-family, monospace); color: var(--lw-ink); background: var(--lw-soft);
  border: 1px solid var(--lw-edge); padding: 6px; }
"""

# A panel over the whole screen: its picture takes what the window leaves beside the sliders, above what stands below.
# Where there is no room beside it, they come below it.
_WHOLE = """
.lw-panel .lw-icon.lw-full { display: none; }
.lw-panel.lw-opens .lw-icon.lw-full { display: inline-flex; }
.lw-panel:fullscreen { box-sizing: border-box; overflow: auto; padding: 10px 14px 6px;
  background: Canvas linear-gradient(var(--lw-paper) 0 0); }
.lw-panel:fullscreen > * { flex-shrink: 0; }
.lw-panel:fullscreen .lw-picture .lw-note { max-width: 100% !important; }
.lw-panel:fullscreen .lw-stage .lw-picture img { max-width: none;
  width: max(128px, min(100vw - 30px, 60vh * var(--lw-shape, 1))) !important; }
@media (min-width: 820px) {
  .lw-panel:fullscreen > :has(> .lw-first), .lw-panel:fullscreen .lw-first { flex: 1 0 auto; }
  .lw-panel:fullscreen .lw-columns { flex: 1 0 max(400px, 50vh); flex-wrap: nowrap; container-type: size; }
  .lw-panel:fullscreen .lw-stage .lw-picture img {
    width: max(128px, min(100cqw - 430px, (100cqh - 28px) * var(--lw-shape, 1))) !important; }
  .lw-panel:fullscreen .lw-right { max-height: 100%; max-width: 1000px; overflow: auto; }
  .lw-panel:fullscreen .lw-right > .lw-sliders { flex: 0 1 auto; min-height: 160px; }
  .lw-panel:fullscreen .lw-right .lw-rows { flex: 0 1 auto; min-height: 120px; max-height: none; }
}
"""

# Where people choose their own few colours, pages lose backgrounds and shades: what these say, borders say there. A
# border that is transparent elsewhere would be seen, so each is given a colour of the system's.
_FORCED = """
@media (forced-colors: active) {
  .lw-panel:is(.lw-auto, .lw-light, .lw-dark) { --lw-ink: CanvasText; --lw-dim: CanvasText; --lw-paper: Canvas;
    --lw-edge: CanvasText; --lw-soft: Canvas; --jp-widgets-color: CanvasText; --jp-widgets-label-color: CanvasText; }
  .lw-panel.lw-panel :is(:focus-visible, .lw-place:focus-within) { outline: 3px solid Highlight !important; }
  .lw-panel .jupyter-button { border: 1px solid ButtonText; }
  .lw-panel .jupyter-button.mod-active { border: 2px solid Highlight; text-decoration: underline; font-weight: 600; }
  .lw-panel :is(.jupyter-button, input, select, textarea):disabled { opacity: 1; color: GrayText;
    border: 1px dashed GrayText; }
  .lw-panel .lw-direction { border-left-color: Canvas; }
  .lw-panel .lw-direction.lw-active { border-left: 6px solid Highlight; outline: 1px solid Highlight; }
  .lw-panel .noUi-target { border: 1px solid CanvasText; }
  .lw-panel .noUi-connect, .lw-panel .progress-bar { forced-color-adjust: none; background: Highlight; }
  .lw-panel .noUi-handle { forced-color-adjust: none; background: ButtonText; border: 1px solid ButtonText; }
  .lw-panel .progress { border: 1px solid CanvasText; }
  .lw-panel input[type="color"], .lw-panel .lw-svg { forced-color-adjust: none; }
  .lw-panel .lw-chip, .lw-panel .lw-bar { border-color: CanvasText; }
  .lw-panel .lw-bar i { forced-color-adjust: none; background: Highlight; }
  .lw-panel .lw-trouble { border: 2px solid CanvasText; border-left-width: 8px; }
  .lw-panel .lw-message .widget-html-content { border: 1px solid CanvasText; border-left-width: 4px; }
  .lw-panel .lw-waiting .widget-html-content { border: 1px solid CanvasText; }
  .lw-panel .lw-marks span { forced-color-adjust: none; background: none; border: 2px solid Highlight;
    outline: 1px solid Canvas; }
  .lw-panel .lw-stale { outline: 1px dashed GrayText; }
  .lw-panel .lw-sliders > .lw-rows { background: Canvas; border: 1px solid CanvasText; }
}
@media (prefers-reduced-motion: reduce) {
  .lw-panel *, .lw-panel *::before, .lw-panel *::after { transition: none !important; animation: none !important;
    scroll-behavior: auto !important; }
}
"""

CSS = f"<style>{_FRONT_ENDS}{_OWN % _LIGHT}{_OWN % _DARK}{_ARROW}{_RULES}{_FOOT}{_WHOLE}{_FORCED}</style>"

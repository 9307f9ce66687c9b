/* What hands touch on a picture: a stage that lies over it, and a strip of frames to walk along.

`stage` and `strip` know no notebook. They are given an element to draw in and a port, and return what ends them:

    port.get(name)              the value of a trait; bytes are a DataView, an ArrayBuffer or a typed array
    port.changed(names, heard)  calls heard(name) when one of them has changed; returns what ends that
    port.told(heard)            calls heard(message) for what is said to the page; returns what ends that
    port.send(message)          to whoever answers: a kernel, or a generator in this page
    port.trouble(text)          tells what went wrong

What they say is English, or what the trait `_words` has for it.

Places are pixels of the picture. `.lw-stage` is the box that holds the picture, an <img>, and the stage. */

const TOOLS = ["", "brush", "eraser", "take"];
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const MOST_POINTS = 20000; // of a stroke that is sent
const PATIENCE = 5000; // milliseconds until ink without an answer fades
const DRAG = 4; // CSS pixels from where a press on the strip is no click any more
const [INK, WIPE, INSIDE, OUTSIDE] = ["#56b4e9", "#ffffff", "#ffffff", "rgba(0, 0, 0, .85)"];
const keysIn = (tr) => [
  tr("Arrow keys move the cursor, with Shift by 8 pixels."), tr("Space or Enter acts there, held Space draws on."),
  tr("The brackets change the size of the brush."), tr("B, held, shows the picture before the moves."),
  tr("Escape leaves the tool."),
].join(" ");

const COLOURS = `color: var(--lw-ink, var(--jp-ui-font-color1, CanvasText)); background: Canvas linear-gradient(
  var(--lw-paper, var(--jp-layout-color0, Canvas)) 0 0); border: 1px solid var(--lw-edge, GrayText);`;
const FOCUS = "outline: 2px solid #0072b2; outline-offset: -2px; box-shadow: inset 0 0 0 3px #fff;";
const STYLE = `
.lw-stage { position: relative; }
.lw-stage .lw-over { position: absolute; z-index: 1; margin: 0; padding: 0; overflow: hidden; pointer-events: none; }
.lw-over > .lw-hands { position: absolute; inset: 0; user-select: none; -webkit-user-select: none;
  -webkit-touch-callout: none; }
.lw-stage .lw-over > .lw-hands:focus-visible { outline: none !important; }
.lw-over > .lw-hands.lw-tool { pointer-events: auto; touch-action: none; cursor: crosshair; }
.lw-over > .lw-hands:focus-visible:not(.lw-pointed)::after { content: ""; position: absolute; inset: 0; pointer-events: none; ${FOCUS} }
.lw-stage .lw-over .lw-sheet:is(img, canvas) { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0;
  max-width: none; background: none; pointer-events: none; }
.lw-over .lw-tint { opacity: .25; }
.lw-heated img:not(.lw-sheet) { filter: grayscale(1); }
.lw-heated .lw-over .lw-tint { opacity: 0; }
.lw-over .lw-wet { opacity: .6; }
.lw-over [hidden] { display: none !important; }
.lw-over .lw-ring { position: absolute; left: 0; top: 0; box-sizing: border-box; border: 1px solid #fff;
  border-radius: 50%; box-shadow: 0 0 0 1px #000, inset 0 0 0 1px #000; pointer-events: none;
  forced-color-adjust: none; will-change: transform; }
.lw-over .lw-ring.lw-cross::before, .lw-over .lw-ring.lw-cross::after { content: ""; position: absolute; left: 50%;
  top: 50%; width: 9px; height: 1px; margin: -.5px 0 0 -4.5px; background: #fff; box-shadow: 0 0 0 1px #000; }
.lw-over .lw-ring.lw-cross::after { transform: rotate(90deg); }
.lw-over .lw-said { position: absolute; left: 6px; top: 6px; max-width: calc(100% - 12px); padding: 1px 7px;
  border-radius: 3px; box-sizing: border-box; font: 12px/1.5 var(--jp-ui-font-family, sans-serif); ${COLOURS} }
.lw-over .lw-said:empty { visibility: hidden; }
.lw-over .lw-hold { position: absolute; right: 6px; bottom: 6px; margin: 0; padding: 2px 9px; min-height: 24px;
  border-radius: 3px; font: 12px/1.5 var(--jp-ui-font-family, sans-serif); cursor: pointer; pointer-events: auto;
  touch-action: none; opacity: .8; ${COLOURS} }
.lw-over .lw-hold:is(:hover, :focus-visible, [aria-pressed="true"]) { opacity: 1; }
.lw-over .lw-hold:focus-visible { ${FOCUS} }
.lw-walk { position: relative; display: flex; gap: 3px; width: 100%; touch-action: pan-y; user-select: none;
  -webkit-user-select: none; }
.lw-walk > button { flex: 1 1 0; min-width: 0; margin: 0; padding: 2px; border-radius: 3px; cursor: pointer;
  font: 11px/1.4 var(--jp-ui-font-family, sans-serif); overflow: hidden; ${COLOURS} border: 2px solid transparent; }
.lw-walk > button > * { display: block; width: 100%; pointer-events: none; }
.lw-walk > button > canvas { height: auto; }
.lw-walk > button > span { overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.lw-walk > button:hover { border-color: var(--lw-edge, GrayText); }
.lw-walk > button[aria-pressed="true"] { border-color: #0072b2; }
.lw-walk > button:focus-visible { outline: 2px solid #0072b2; outline-offset: 1px; }
.lw-walk > .lw-head { position: absolute; top: 0; bottom: 0; left: 0; width: 1px; background: #fff;
  box-shadow: 0 0 0 1px #000; pointer-events: none; forced-color-adjust: none; }
.lw-walk > [hidden] { display: none; }
@media (forced-colors: active) { .lw-walk > button[aria-pressed="true"] { border-color: Highlight; } }`;

// ---- what both are made of

/** Wrap what a page calls: an error is told once and ends nothing but itself. */
function duties(port) {
  const ends = [], told = new Set();
  const trouble = (words) => {
    if (told.has(words)) return;
    told.add(words);
    try { port.trouble(words); } catch (lost) { console.error(lost); }
  };
  const failed = (error) => trouble(String(error?.message ?? error));
  const guard = (act) => (...given) => {
    try {
      const result = act(...given);
      return result instanceof Promise ? result.catch(failed) : result;
    } catch (error) { return failed(error); }
  };
  const listen = (target, types, act, options = {}) => {
    const heard = guard(act);
    for (const type of types.split(" ")) {
      target.addEventListener(type, heard, options);
      ends.push(() => target.removeEventListener(type, heard, options));
    }
  };
  const end = () => { for (const one of ends.splice(0)) guard(one)(); };
  return { ends, guard, listen, trouble, end, send: guard((message) => port.send(message)) };
}

function part(parent, tag, classes, attributes = {}) {
  const made = parent.appendChild(document.createElement(tag));
  made.className = classes;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** What says a text in the reader's language. */
function translator(port) {
  const words = port.get("_words") ?? {};
  return (text) => (typeof words[text] === "string" ? words[text] : text);
}

/** The bytes of a trait as a file of some type; null where there are none. */
function fileOf(bytes, type) {
  const size = bytes?.byteLength;
  return Number.isInteger(size) && size > 0 ? new Blob([bytes], { type }) : null;
}

/** Read a file as a bitmap, in the numbers that it holds. */
function bitmapOf(file, what) {
  const exact = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  return createImageBitmap(file, exact).catch(() => { throw new Error(`The ${what} is no picture.`); });
}

/** An <img> that shows the newest of its files, once that is decoded; of one that is none it keeps the last. */
function shows(img, what, ends) {
  let url = "", newest = 0;
  const put = (next) => {
    if (next) img.src = next; else img.removeAttribute("src");
    if (url) URL.revokeObjectURL(url);
    url = next;
  };
  ends.push(() => { newest = -1; put(""); });
  return async (file) => {
    const mine = ++newest, next = file ? URL.createObjectURL(file) : "";
    const trial = new Image();
    trial.src = next;
    const fine = !next || await trial.decode().then(() => true, () => false);
    if (mine === newest && fine) put(next); else if (next) URL.revokeObjectURL(next);
    if (!fine) throw new Error(`The ${what} is no picture.`);
    return mine === newest;
  };
}

/** Leave out points evenly until there are few enough; the first and the last stay. */
function thinned(points, most) {
  const step = (points.length - 1) / (most - 1);
  return points.length <= most ? points : Array.from({ length: most }, (_, i) => points[Math.round(i * step)]);
}

/** The borders of a mask on the grid of its pixels: loops of corners [x, y, x, y, ...], the inside on the right. */
export function loops(inside, width, height) {
  const stride = width + 1, ways = new Uint8Array(stride * (height + 1)), steps = [1, stride, -1, -stride], found = [];
  const is = (x, y) => x >= 0 && y >= 0 && x < width && y < height && inside[y * width + x];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!is(x, y)) continue;
      const corner = y * stride + x; // each open side is a step of the way round
      if (!is(x, y - 1)) ways[corner] |= 1;
      if (!is(x + 1, y)) ways[corner + 1] |= 2;
      if (!is(x, y + 1)) ways[corner + stride + 1] |= 4;
      if (!is(x - 1, y)) ways[corner + stride] |= 8;
    }
  }
  for (let start = 0; start < ways.length; start++) {
    while (ways[start]) {
      const loop = [];
      let v = start, way = 31 - Math.clz32(ways[v] & -ways[v]), last = -1;
      do {
        if (way !== last) loop.push(v % stride, Math.floor(v / stride));
        ways[v] &= ~(1 << way);
        v += steps[way];
        last = way; // to the right first: pixels that touch at a corner stay apart
        way = [way + 1, way, way + 3].map((turn) => turn & 3).find((turn) => ways[v] & (1 << turn));
      } while (v !== start);
      found.push(loop);
    }
  }
  return found;
}

// ---- the stage

/** Let hands touch the picture beside an element: paint, take a part, see what was before. */
export function stage(el, port) {
  const { ends, guard, listen, trouble, end, send } = duties(port), tr = translator(port);
  part(el, "style", "").textContent = STYLE;
  const root = part(el, "div", "lw-hands", { tabindex: "0", hidden: "" });
  const sheet = (tag, name) => part(root, tag, `lw-sheet lw-${name}`, { "aria-hidden": "true" }); // each over the last
  const heat = sheet("img", "heat"), tint = sheet("canvas", "tint"), wet = sheet("canvas", "wet");
  const lines = sheet("canvas", "lines"), before = sheet("img", "before");
  heat.hidden = before.hidden = true;
  heat.alt = before.alt = "";
  const [tintPen, wetPen, linePen] = [tint, wet, lines].map((canvas) => canvas.getContext("2d"));
  const ring = part(root, "div", "lw-ring", { hidden: "" });
  const note = part(root, "div", "lw-said", { role: "status", "aria-live": "polite" });
  const about = tr("hold to see the picture before the moves");
  const button = part(root, "button", "lw-hold", { type: "button", "aria-pressed": "false", title: about });
  button.textContent = tr("before");

  const now = { size: [1, 1], width: 1, alt: "", tool: "", brush: 1, contour: true };
  const sound = {
    size: (v) => Array.isArray(v) && v.length === 2 && v.every((n) => Number.isInteger(n) && n > 0 && n <= 65536),
    width: (v) => Number.isFinite(v) && v > 0,
    alt: (v) => typeof v === "string",
    tool: (v) => TOOLS.includes(v),
    brush: (v) => Number.isFinite(v) && v > 0,
    contour: (v) => typeof v === "boolean",
  };
  let mask = null; // { width, height, loops } of the mask that is shown
  let inks = []; // strokes that were sent and have no answer yet
  let stroke = null; // the one that is being made: { by, points, size, erase }
  let cursor = null; // where the pointer was last, or the cursor of the keys is

  // Where things are

  let home = null, image = null; // the box of both, and the picture
  const watch = new ResizeObserver(guard(() => place()));
  const grown = new MutationObserver(guard(() => place()));
  ends.push(() => { watch.disconnect(); grown.disconnect(); });

  function place() {
    const box = el.closest(".lw-stage");
    if (!box) return;
    const found = Array.from(box.querySelectorAll("img")).find((img) => !el.contains(img)) ?? null;
    if (box !== home) {
      home = box;
      el.classList.add("lw-over");
      watch.observe(box);
      grown.observe(box, { childList: true, subtree: true }); // pictures come when they like
      warm();
      dressFull();
    }
    if (found !== image) {
      if (image) watch.unobserve(image);
      if (found) watch.observe(found);
      image = found;
    }
    if (image && image.alt !== now.alt) image.alt = now.alt;
    const [height, width] = now.size, outer = box.getBoundingClientRect(), shape = image?.getBoundingClientRect() ??
      { left: outer.left, top: outer.top, width: now.width, height: now.width * height / width };
    const places = { left: shape.left - outer.left - box.clientLeft + box.scrollLeft, top: shape.top - outer.top -
      box.clientTop + box.scrollTop, width: shape.width, height: shape.width * height / width };
    for (const [name, value] of Object.entries(places)) el.style[name] = `${value}px`;
    box.style.setProperty("--lw-shape", width / height); // for rules that make the picture as large as they can
    root.hidden = !(shape.width > 0);
    const ratio = window.devicePixelRatio || 1;
    const pixels = [places.width, places.height].map((side) => Math.max(1, Math.min(8192, Math.round(side * ratio))));
    if (pixels[0] !== lines.width || pixels[1] !== lines.height) {
      for (const canvas of [tint, wet, lines]) [canvas.width, canvas.height] = pixels;
      paint();
    }
    showRing();
  }

  const pointOf = (event) => {
    const box = root.getBoundingClientRect(), [height, width] = now.size;
    const round = (v) => Math.round(v * 100) / 100;
    return [(event.clientX - box.left) / box.width * width, (event.clientY - box.top) / box.height * height].map(round);
  };

  // What is drawn

  function paint() {
    for (const pen of [tintPen, wetPen, linePen]) pen.clearRect(0, 0, lines.width, lines.height);
    if (mask) {
      const path = new Path2D(), kx = lines.width / mask.width, ky = lines.height / mask.height;
      for (const loop of mask.loops) {
        for (let i = 0; i < loop.length; i += 2) {
          path[i ? "lineTo" : "moveTo"](Math.round(loop[i] * kx), Math.round(loop[i + 1] * ky)); // whole pixels: crisp
        }
        path.closePath();
      }
      tintPen.fillStyle = INK;
      tintPen.fill(path, "evenodd");
      if (now.contour) outline(path);
    }
    for (const one of stroke ? [...inks, stroke] : inks) lay(one, 0);
  }

  function outline(path) {
    linePen.lineWidth = 2 * Math.max(1, Math.round(window.devicePixelRatio || 1)); // half to each side
    linePen.strokeStyle = OUTSIDE;
    linePen.stroke(path);
    linePen.save();
    linePen.clip(path, "evenodd");
    linePen.strokeStyle = INSIDE;
    linePen.stroke(path);
    linePen.restore();
  }

  /** Draw what a stroke has from one of its points on. */
  function lay({ points, size, erase }, from) {
    const scale = lines.width / now.size[1];
    const line = points.slice(Math.max(0, from - 1)).map(([x, y]) => [x * scale, y * scale]);
    for (const pen of erase ? [tintPen, wetPen] : [wetPen]) {
      pen.globalCompositeOperation = pen === tintPen ? "destination-out" : "source-over";
      pen.fillStyle = pen.strokeStyle = erase ? WIPE : INK;
      pen.lineWidth = size * scale;
      pen.lineCap = pen.lineJoin = "round";
      pen.beginPath();
      if (line.length === 1) {
        pen.arc(...line[0], size * scale / 2, 0, 2 * Math.PI);
        pen.fill();
      } else {
        for (const point of line) pen.lineTo(...point);
        pen.stroke();
      }
      pen.globalCompositeOperation = "source-over";
    }
  }

  function showRing(visible = !ring.hidden) {
    ring.hidden = !(visible && cursor && now.tool);
    if (ring.hidden) return;
    const scale = root.clientWidth / now.size[1];
    const across = now.tool === "take" ? 9 : Math.max(3, now.brush * scale);
    ring.style.width = ring.style.height = `${across}px`;
    ring.style.transform = `translate(${cursor[0] * scale - across / 2}px, ${cursor[1] * scale - across / 2}px)`;
  }

  let silence = 0;
  function say(words, milliseconds = 0) {
    clearTimeout(silence);
    if (note.textContent !== words) note.textContent = words;
    if (milliseconds) silence = setTimeout(() => { note.textContent = ""; }, milliseconds);
  }

  // Strokes

  const begin = (by, point, erase) => {
    stroke = { by, points: [point], size: now.brush, erase };
    lay(stroke, 0);
  };

  const extend = (points) => {
    const from = stroke.points.length;
    for (const point of points) {
      const [x, y] = stroke.points[stroke.points.length - 1];
      if (point[0] !== x || point[1] !== y) stroke.points.push(point);
    }
    if (stroke.points.length > from) lay(stroke, from);
  };

  function lift() {
    const done = stroke, { points, size, erase } = done;
    stroke = null;
    inks.push(done);
    setTimeout(guard(() => unanswered(done)), PATIENCE);
    send({ kind: "stroke", points: thinned(points, MOST_POINTS), size, erase });
  }

  const drop = () => { stroke = null; paint(); };

  function settle(strokes) {
    inks = inks.filter((one) => !strokes.includes(one));
    paint();
  }

  async function unanswered(done) {
    if (!inks.includes(done) || !root.isConnected) return;
    say(tr("no answer yet"), PATIENCE);
    trouble("A stroke had no answer within 5 seconds.");
    const calm = stroke || window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!calm) await wet.animate({ opacity: [0.6, 0] }, 400).finished.catch(() => {});
    settle([done]);
  }

  // The pointer

  listen(root, "pointerdown", (event) => {
    if (!now.tool || event.target !== root) return;
    if (event.button === 2 && !stroke) { // the menu is the picture's: to save it, say
      root.style.pointerEvents = "none";
      setTimeout(() => { root.style.pointerEvents = ""; }, 400);
    }
    if (stroke || !event.isPrimary || ![0, 5].includes(event.button)) return;
    event.preventDefault();
    root.classList.add("lw-pointed"); // whoever points sees where he is
    root.focus({ preventScroll: true });
    cursor = pointOf(event);
    ring.classList.remove("lw-cross");
    const erase = now.tool === "eraser" || event.ctrlKey || event.button === 5; // 5: the other end of a pen
    if (now.tool === "take") stroke = { by: event.pointerId, points: [], size: 0, erase, take: cursor };
    else begin(event.pointerId, cursor, erase);
    showRing(true);
    try { root.setPointerCapture(event.pointerId); } catch { /* it is up already */ }
  });

  listen(root, "pointermove", (event) => {
    const mine = stroke?.by === event.pointerId;
    if (stroke && !mine) return;
    cursor = pointOf(event);
    ring.classList.remove("lw-cross");
    showRing(mine || (event.target === root && event.pointerType !== "touch"));
    if (!mine) return;
    if (event.pointerType === "mouse" && !event.buttons) return up(event); // it went up where nobody saw it
    const all = event.getCoalescedEvents?.() ?? [];
    if (!stroke.take) extend((all.length ? all : [event]).map(pointOf));
  });

  function up(event) {
    if (stroke?.by !== event.pointerId) return;
    if (event.pointerType === "touch") showRing(false);
    if (!stroke.take) return lift();
    const { take: [x, y], erase } = stroke, [left, top] = pointOf(event), [height, width] = now.size;
    stroke = null;
    if (left >= 0 && top >= 0 && left <= width && top <= height) send({ kind: "take", x, y, erase });
  }
  listen(root, "pointerup lostpointercapture", up);
  listen(root, "pointercancel", (event) => { if (stroke?.by === event.pointerId) drop(); });
  listen(root, "pointerleave", () => { if (!stroke && !ring.classList.contains("lw-cross")) showRing(false); });
  listen(root, "contextmenu", (event) => { if (stroke || event.target === button) event.preventDefault(); });

  // The heat: it lies on a grey picture

  const showHeat = shows(heat, "heat", ends);
  const warm = (on = !heat.hidden && before.hidden) => home?.classList.toggle("lw-heated", on);
  ends.push(() => warm(false));

  // The picture before

  let held = null, asked = false; // who holds it: a pointer's number, or a key
  const show = shows(before, "picture before the moves", ends);

  function look() {
    const there = before.hasAttribute("src");
    before.hidden = held === null || !there;
    warm();
    button.setAttribute("aria-pressed", String(held !== null));
    if (held === null) return say("");
    if (there) {
      before.style.imageRendering = image ? getComputedStyle(image).imageRendering : "";
      say(tr("before"));
      return;
    }
    say(""); // it was taken away, or is to come
    if (!asked) {
      asked = true;
      send({ kind: "before" });
    }
  }
  const hold = (by) => { if (held === null) { held = by; asked = false; look(); } };
  const release = () => { if (held !== null) { held = null; look(); } };

  listen(button, "pointerdown", (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    hold(event.pointerId);
    try { button.setPointerCapture(event.pointerId); } catch { /* it is up already */ }
  });
  listen(button, "pointerup pointercancel lostpointercapture", (event) => { if (held === event.pointerId) release(); });
  listen(window, "blur", () => { release(); if (stroke?.by === "key") lift(); });
  listen(document, "visibilitychange", () => { if (document.hidden) release(); });
  listen(root, "focusout", (event) => {
    const gone = !root.contains(event.relatedTarget);
    if (gone || typeof held === "string") release();
    if (stroke?.by === "key") lift();
    if (gone) showRing(false);
    if (event.target === root) root.classList.remove("lw-pointed");
  });

  // Keys: heard before the notebook's own, for which letters are commands and Enter opens the cell

  function act(event) {
    const { key } = event, [height, width] = now.size;
    if (key === "Escape") {
      if (stroke) return drop(), true;
      now.tool = "";
      dress();
      return send({ kind: "tool", tool: "" }), true;
    }
    if (key in WAYS) {
      const [dx, dy] = WAYS[key], step = event.shiftKey ? 8 : 1, clamp = (v, most) => Math.min(Math.max(v, 0), most);
      const [x, y] = cursor ?? [width / 2, height / 2];
      cursor = [clamp(x + step * dx, width), clamp(y + step * dy, height)];
      ring.classList.add("lw-cross");
      showRing(true);
      if (stroke?.by === "key") extend([cursor]);
      return true;
    }
    if (key === "[" || key === "]") {
      const size = key === "]" ? Math.max(now.brush * 1.25, now.brush + 1) : Math.min(now.brush * 0.8, now.brush - 1);
      now.brush = Math.round(Math.min(Math.max(size, 1), Math.max(height, width)) * 10) / 10;
      showRing();
      return send({ kind: "brush", size: now.brush }), true;
    }
    if (key !== " " && key !== "Enter") return false;
    if (event.repeat || stroke) return true;
    cursor ??= [width / 2, height / 2];
    ring.classList.add("lw-cross");
    showRing(true);
    const erase = now.tool === "eraser" || event.ctrlKey;
    if (now.tool === "take") return send({ kind: "take", x: cursor[0], y: cursor[1], erase }), true;
    begin("key", cursor, erase);
    if (key === "Enter") lift();
    return true;
  }

  listen(window, "keydown", (event) => {
    const from = event.composedPath()[0], plain = !event.altKey && !event.metaKey && !event.ctrlKey;
    if (!root.contains(from)) return;
    root.classList.remove("lw-pointed");
    const holds = plain && (event.key.toLowerCase() === "b" || (from === button && [" ", "Enter"].includes(event.key)));
    if (holds && !event.repeat) hold(event.code);
    const done = holds || (from === root && now.tool !== "" && !event.altKey && !event.metaKey && act(event));
    if (done) event.preventDefault();
    if (done || (plain && now.tool && event.key.length === 1)) event.stopImmediatePropagation(); // "x" cuts no cell
  }, true);

  listen(window, "keyup", (event) => {
    if (held === event.code) release();
    if (event.key === " " && stroke?.by === "key") lift();
  }, true);

  // The full screen: a page grants it where a click in it asks, so that of the button is heard here

  const panel = () => el.closest(".lw-panel");

  function dressFull() {
    const whole = panel(), press = whole?.querySelector(".lw-full"), full = whole?.matches(":fullscreen");
    whole?.classList.toggle("lw-opens", Boolean(document.fullscreenEnabled));
    if (!press) return;
    press.title = press.lastChild.textContent = full ? tr("Leave full screen") : tr("Full screen");
    press.querySelector("i")?.classList.toggle("fa-compress", full);
    press.querySelector("i")?.classList.toggle("fa-expand", !full);
  }

  listen(document, "fullscreenchange", dressFull);
  listen(document, "click", (event) => {
    const whole = panel(), press = event.composedPath().find((one) => one.matches?.(".lw-full"));
    if (!press || !whole?.contains(press)) return;
    return whole.matches(":fullscreen") ? document.exitFullscreen() : whole.requestFullscreen();
  });
  listen(window, "keydown", (event) => { // where the browser leaves that to the page; a tool is left before
    if (event.key === "Escape" && panel()?.matches(":fullscreen")) return document.exitFullscreen();
  }, true);

  // What the port has

  function dress() {
    root.classList.toggle("lw-tool", now.tool !== "");
    root.setAttribute("role", now.tool ? "application" : "group");
    root.setAttribute("aria-label", now.alt || tr("picture"));
    if (now.tool) root.setAttribute("aria-description", keysIn(tr)); else root.removeAttribute("aria-description");
    if (!now.tool) showRing(false);
  }

  let masks = 0;
  const reads = {
    async mask() {
      const mine = ++masks, answered = [...inks], file = fileOf(port.get("mask"), "image/png");
      let next = null;
      if (file) {
        const bitmap = await bitmapOf(file, "mask"), { width, height } = bitmap;
        const canvas = Object.assign(document.createElement("canvas"), { width, height });
        const pen = canvas.getContext("2d", { willReadFrequently: true });
        pen.drawImage(bitmap, 0, 0);
        bitmap.close();
        const { data } = pen.getImageData(0, 0, width, height);
        const inside = Uint8Array.from({ length: width * height }, (_, i) => data[4 * i] >= 128);
        next = { width, height, loops: loops(inside, width, height) };
      }
      if (mine !== masks) return; // a newer one is on its way
      mask = next;
      settle(answered);
    },
    async heat() {
      if (!await showHeat(fileOf(port.get("heat"), "image/png"))) return;
      heat.hidden = !heat.hasAttribute("src");
      warm();
    },
    async before() {
      const format = port.get("before_format");
      if (await show(fileOf(port.get("before"), `image/${format}`))) look();
    },
    plain() {
      for (const [name, fits] of Object.entries(sound)) {
        const value = port.get(name);
        if (fits(value)) now[name] = value;
      }
      dress();
      place();
      paint();
    },
  };
  const hear = guard((name) => (reads[name] ?? reads.plain)());
  ends.push(port.changed([...Object.keys(sound), "mask", "heat", "before"], hear));
  ends.push(port.told(guard((message) => { if (message?.kind === "settled") settle([...inks]); })));
  listen(window, "resize", place);
  for (const name of ["plain", "mask", "heat", "before"]) hear(name);
  watch.observe(el); // which is put into the page later
  return () => { end(); clearTimeout(silence); el.replaceChildren(); };
}

// ---- the strip

/** A row of frames along a walk: click one to go there, or drag along. */
export function strip(el, port) {
  const { ends, guard, listen, end, send } = duties(port), tr = translator(port);
  part(el, "style", "").textContent = STYLE;
  const root = part(el, "div", "lw-walk", { role: "toolbar" });
  const head = part(root, "div", "lw-head", { hidden: "" });
  let frames = [], places = [], stop = 0, sheet = null, sheets = 0; // stop: which frame Tab leads to
  let drag = null, dragged = false; // the press on the strip, and whether the last one became a drag
  let wanted = null, waiting = null, number = Math.floor(Math.random() * 1e9); // of scrubs: to send, sent

  function build() {
    const [asked, given, labels, chosen] = ["count", "places", "labels", "chosen"].map((name) => port.get(name));
    const count = Number.isInteger(asked) && asked >= 0 && asked < 1000 ? asked : frames.length;
    while (frames.length > count) frames.pop().remove();
    while (frames.length < count) {
      const made = part(root, "button", "", { type: "button" });
      part(made, "canvas", "", { "aria-hidden": "true" });
      part(made, "span", "");
      frames.push(made);
    }
    places = Array.isArray(given) && given.length === count && given.every(Number.isFinite) ? given : [];
    root.setAttribute("aria-label", String(port.get("alt") || tr("walk")));
    if (Number.isInteger(chosen) && chosen >= 0 && chosen < count) stop = chosen;
    frames.forEach((frame, i) => {
      const words = String(labels?.[i] ?? places[i] ?? i + 1);
      frame.lastChild.textContent = words;
      frame.title = words;
      frame.setAttribute("aria-pressed", String(i === chosen));
    });
    rove(Math.min(stop, Math.max(count - 1, 0)));
    draw();
  }

  const rove = (index) => { stop = index; frames.forEach((frame, i) => { frame.tabIndex = i === index ? 0 : -1; }); };

  function draw() {
    const width = sheet ? Math.max(1, Math.round(sheet.width / frames.length)) : 1;
    frames.forEach((frame, i) => {
      const canvas = frame.firstChild, from = sheet ? i * sheet.width / frames.length : 0;
      canvas.hidden = !sheet;
      [canvas.width, canvas.height] = [width, sheet?.height ?? 1];
      if (sheet) canvas.getContext("2d").drawImage(sheet, from, 0, sheet.width / frames.length, sheet.height,
        0, 0, width, sheet.height);
    });
  }

  /** Which place lies at a point of the page, between the middles of two frames. */
  function placeAt(x) {
    const middle = (frame) => { const box = frame.getBoundingClientRect(); return box.left + box.width / 2; };
    const first = middle(frames[0]), last = middle(frames[frames.length - 1]), most = places.length - 1;
    const along = last > first ? Math.min(Math.max((x - first) / (last - first), 0), 1) * most : 0;
    const i = Math.min(Math.floor(along), Math.max(most - 1, 0)), next = places[Math.min(i + 1, most)];
    return places[i] + (along - i) * (next - places[i]);
  }

  /** Ask for the newest place, once the last question has its answer. */
  function flush() {
    if (!wanted || waiting) return;
    waiting = { id: ++number, since: performance.now() };
    send({ kind: "scrub", ...wanted, id: waiting.id });
    wanted = null;
  }

  function scrub(event, done) {
    const box = root.getBoundingClientRect();
    head.style.transform = `translateX(${Math.min(Math.max(event.clientX - box.left, 0), box.width)}px)`;
    wanted = { place: placeAt(event.clientX), done };
    flush();
  }

  listen(root, "pointerdown", (event) => {
    dragged = false;
    if (event.button !== 0 || !event.isPrimary || !places.length) return;
    if (waiting && performance.now() - waiting.since > PATIENCE) waiting = null; // its answer was lost on the way
    drag = { id: event.pointerId, x: event.clientX };
  });
  listen(root, "pointermove", (event) => {
    if (drag?.id !== event.pointerId) return;
    if (event.pointerType === "mouse" && !event.buttons && !dragged) { drag = null; return; }
    if (!dragged && Math.abs(event.clientX - drag.x) <= DRAG) return;
    if (!dragged) {
      dragged = true;
      head.hidden = false;
      try { root.setPointerCapture(event.pointerId); } catch { /* it is up already */ }
    }
    drag.last = event;
    scrub(event, false);
  });
  listen(root, "pointerup pointercancel lostpointercapture", (event) => {
    if (drag?.id !== event.pointerId) return;
    const last = event.type === "pointerup" ? event : drag.last; // elsewhere a cancelled one is nowhere
    drag = null;
    head.hidden = true;
    if (dragged) scrub(last, true);
  });
  listen(root, "click", (event) => {
    const index = frames.indexOf(event.target.closest("button"));
    if (index < 0 || dragged || !places.length) return;
    rove(index);
    wanted = null; // whoever clicks wants that, and no place from before
    send({ kind: "go", place: places[index] });
  });
  listen(window, "keydown", (event) => { // before the notebook's own
    const index = frames.indexOf(event.composedPath()[0]), most = frames.length - 1;
    if (index < 0 || event.altKey || event.metaKey || event.ctrlKey) return;
    const next = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: most }[event.key];
    dragged = false;
    if (next === undefined && event.key !== "Enter" && event.key !== " ") return;
    event.stopImmediatePropagation();
    if (next === undefined) return; // the button's own click
    event.preventDefault();
    rove(Math.min(Math.max(next, 0), most));
    frames[stop].focus();
  }, true);

  async function read() {
    const mine = ++sheets, file = fileOf(port.get("sheet"), `image/${port.get("format")}`);
    const next = file ? await bitmapOf(file, "sheet of frames") : null;
    if (mine !== sheets) return next?.close();
    sheet?.close();
    sheet = next;
    draw();
  }
  const hear = guard((name) => (name === "sheet" ? read() : build()));
  ends.push(port.changed(["count", "places", "labels", "chosen", "alt", "sheet"], hear));
  ends.push(port.told(guard((message) => {
    if (message?.kind !== "answered" || message.id !== waiting?.id) return;
    waiting = null;
    flush();
  })));
  for (const name of ["count", "sheet"]) hear(name);
  return () => { end(); sheets++; el.replaceChildren(); };
}

// ---- anywidget's models as ports

export default {
  render({ model, el }) {
    const port = {
      get: (name) => model.get(name),
      changed(names, heard) {
        const all = names.map((name) => [`change:${name}`, () => heard(name)]);
        for (const pair of all) model.on(...pair);
        return () => { for (const pair of all) model.off(...pair); };
      },
      told(heard) {
        const message = (content) => heard(content);
        model.on("msg:custom", message);
        return () => model.off("msg:custom", message);
      },
      send: (message) => model.send(message),
      trouble(text) {
        console.error(`latent_widgets: ${text}`);
        model.send({ kind: "trouble", message: text });
      },
    };
    if (model.get("_part") === "strip") return strip(el, port);
    const end = stage(el, port);
    model.send({ kind: "shown" }); // what is given to the stage is seen from here on
    return end;
  },
};

(() => {
  "use strict";
  // Folds are of no use on paper.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));

  const timeline = document.getElementById("timeline");
  const raw = document.getElementById("series");
  if (!timeline || !raw) return;
  const data = JSON.parse(raw.textContent);
  const whole = { from: data.from, to: data.to };
  const least = (whole.to - whole.from) / 400; // of a zoom; below it the drawing has no detail
  let view = whole;

  const charts = timeline.querySelector(".charts");
  const bar = timeline.querySelector(".zoom");
  const shown = bar.querySelector(".shown");
  const resetButton = bar.querySelector(".reset");
  const copyButton = bar.querySelector(".copy");
  const reading = timeline.querySelector(".reading");

  // ---- Figures, as the page writes them.

  // clock is a moment with so many digits after the point of its seconds.
  const clock = (t, digits) => {
    if (t < 100) return t.toFixed(digits) + " s";
    t = Number(t.toFixed(digits));
    const seconds = (t % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
    const minutes = Math.floor(t / 60);
    if (minutes < 60) return minutes + ":" + seconds;
    return Math.floor(minutes / 60) + ":" + String(minutes % 60).padStart(2, "0") + ":" + seconds;
  };
  const digitsOf = (span) => span < 1 ? 3 : span < 100 ? 2 : span < 600 ? 1 : 0;
  const figure = (v, unit) => {
    if (unit === "/s") return (v < 100 && v % 1 ? v.toFixed(1) : Math.round(v).toLocaleString("en")) + "/s";
    if (!v) return "–";
    return v < 1000 ? Number(v.toPrecision(3)) + " ms" : (v / 1000).toPrecision(3) + " s";
  };

  // ---- The time axis.

  const share = (t) => (t - view.from) / (view.to - view.from);
  const percent = (t) => 100 * (data.left + Math.min(1, Math.max(0, share(t))) * (data.right - data.left)) + "%";
  const zoomed = () => view.from !== whole.from || view.to !== whole.to;

  // fitted is a range inside the run and not too short to show, null for none.
  const fitted = (from, to) => {
    if (!(from < to) || to <= whole.from || from >= whole.to) return null;
    const length = Math.max(Math.min(to, whole.to) - Math.max(from, whole.from), least);
    const middle = (Math.max(from, whole.from) + Math.min(to, whole.to)) / 2;
    const begin = Math.min(Math.max(middle - length / 2, whole.from), whole.to - length);
    return begin <= whole.from && begin + length >= whole.to ? whole : { from: begin, to: begin + length };
  };

  const steps = [.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
  const ticksOf = (range) => {
    const span = range.to - range.from;
    let step = steps.find((s) => (zoomed() || s >= 1) && Math.floor(span / s) <= 12) || steps[steps.length - 1];
    while (Math.floor(span / step) > 12) step *= 2;
    const ticks = [];
    for (let n = Math.ceil(range.from / step - 1e-9); n * step <= range.to + 1e-9; n++) ticks.push(n * step);
    return { ticks, digits: step >= 1 ? 0 : step >= .1 ? 1 : step >= .01 ? 2 : 3 };
  };
  const tickLabel = (t, digits) => {
    if (whole.to < 120) return t.toFixed(digits) + " s";
    const seconds = (Math.round(t * 1000) / 1000 % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
    const minutes = Math.floor(t / 60 + 1e-9);
    if (whole.to < 3600) return minutes + ":" + seconds;
    return Math.floor(minutes / 60) + ":" + String(minutes % 60).padStart(2, "0") + ":" + seconds;
  };

  // ---- A panel. Its plot is an SVG of its own, whose view box holds what is seen.

  const element = (name, attributes, text) => {
    const e = document.createElementNS(groups[0].panels[0].plot.namespaceURI, name);
    for (const a in attributes) e.setAttribute(a, attributes[a]);
    if (text !== undefined) e.textContent = text;
    return e;
  };

  const panelOf = (picture) => {
    const plot = picture.querySelector(".plot");
    const { x: left, y: top, width, height } = plot.viewBox.baseVal;
    const panel = { picture, plot, left, width, height, name: picture.dataset.panel };
    panel.across = (t) => left + width * (t - whole.from) / (whole.to - whole.from); // in the plot
    panel.seen = (t) => left + width * share(t); // in the picture
    panel.narrow = (factor) => plot.setAttribute("viewBox", [panel.across(view.from), top, width / factor, height].join(" "));
    return panel;
  };

  // Words, marks and hatching keep their shape however far the plot is drawn out.
  const shapesOf = (panel) => {
    const stiff = [...panel.plot.querySelectorAll("text, .mark")].map((e) => {
      if (e.localName === "text") return { e, x: e.x.baseVal[0].value };
      const box = e.getBBox();
      return { e, x: box.x + box.width / 2 };
    });
    const patterns = [...panel.plot.querySelectorAll("pattern:not(.still)")].map((e) => ({ e, turned: e.getAttribute("patternTransform") || "" }));
    const short = [...panel.plot.querySelectorAll("rect[data-w]")].map((e) => ({ e, drawn: Number(e.getAttribute("width")), real: Number(e.dataset.w) }));
    return { stiff, patterns, short };
  };
  const keepShapes = (panel, factor) => {
    panel.shapes = panel.shapes || shapesOf(panel);
    const back = "scale(" + 1 / factor + " 1)";
    for (const { e, x } of panel.shapes.stiff) e.setAttribute("transform", "translate(" + x * (1 - 1 / factor) + " 0) " + back);
    for (const { e, turned } of panel.shapes.patterns) e.setAttribute("patternTransform", back + " " + turned);
    for (const { e, drawn, real } of panel.shapes.short) e.setAttribute("width", Math.max(real, drawn / factor));
  };

  // Lines in time: the first of them is drawn anew as all, the others go.
  const redraw = (lines, data) => {
    lines.forEach((line, i) => { if (i) line.remove(); else line.setAttribute("d", data); });
  };
  const drawGrid = (panel, ticks) => redraw(panel.plot.querySelectorAll(".grid-time"), ticks.map((t) => "M" + panel.across(t) + " 0V" + panel.height).join(""));
  const drawAxis = (panel, ticks, digits) => {
    const [base, ...strokes] = panel.plot.querySelectorAll(".axis");
    strokes.forEach((s) => s.remove());
    base.after(element("path", { class: "axis", d: ticks.map((t) => "M" + panel.across(t) + " 1V6").join("") }));
    panel.picture.querySelectorAll(".tick").forEach((t) => t.remove());
    for (const t of ticks) panel.picture.append(element("text", { class: "tick", "text-anchor": "middle", x: panel.seen(t), y: 20 }, tickLabel(t, digits)));
  };

  // Names of phases stand in the middle of what is seen of them.
  const drawPhases = (panel) => {
    panel.picture.querySelectorAll(".phase").forEach((p) => p.remove());
    for (const p of data.phases) {
      const from = panel.seen(Math.max(p.from, view.from)), to = panel.seen(Math.min(p.to, view.to));
      const letters = Math.floor((to - from - 8) / 7.2);
      const name = [...p.name];
      const words = name.length > letters ? name.slice(0, letters - 1).join("") + "…" : p.name;
      if (letters >= 3) panel.picture.append(element("text", { class: "phase", "text-anchor": "middle", x: (from + to) / 2, y: 17 }, words));
    }
  };

  const groups = [...document.querySelectorAll(".panels")].map((box) => {
    const panels = [...box.querySelectorAll("svg[data-panel]")].map(panelOf);
    const cursor = document.createElement("div");
    const selection = document.createElement("div");
    cursor.className = "cursor";
    selection.className = "selection";
    cursor.hidden = selection.hidden = true;
    box.append(selection, cursor);
    return { box, panels, cursor, selection };
  }).filter((g) => g.panels.length);

  // Legends and keys get hatching of their own: that of the plots changes with the zoom.
  document.querySelectorAll(".plot pattern").forEach((pattern) => {
    const own = pattern.cloneNode(true);
    own.id = pattern.id + "-legend";
    pattern.after(own);
    own.classList.add("still");
    document.querySelectorAll(".swatch *, svg[data-panel] > rect").forEach((shape) => {
      if (getComputedStyle(shape).fill.includes("#" + pattern.id + "\"")) shape.style.fill = "url(#" + own.id + ")";
    });
  });

  const ranges = [...timeline.querySelectorAll(".range")].map((e) => ({ e, from: Number(e.dataset.from), to: Number(e.dataset.to) }));
  const placeRanges = () => {
    for (const { e, from, to } of ranges) {
      e.style.left = percent(from);
      e.style.width = "max(4px, " + (parseFloat(percent(to)) - parseFloat(percent(from))) + "%)";
      e.classList.toggle("beyond", to < view.from || from > view.to);
    }
  };
  const light = (target) => ranges.forEach(({ e }) => e.classList.toggle("lit", e === target));

  // ---- Zoom.

  const fragment = () => "#t=" + [view.from, view.to].map((t) => Number(t.toFixed(3))).join("-");
  const inWords = () => {
    const span = view.to - view.from, digits = digitsOf(span);
    const range = clock(view.from, digits) + " to " + clock(view.to, digits);
    if (!zoomed()) return "The whole run: " + range + ". Point at a chart to read its figures, drag across it to zoom.";
    return "Shown: " + range + ", " + clock(span, digits) + " of " + clock(whole.to - whole.from, digitsOf(whole.to - whole.from));
  };

  const draw = (range) => {
    view = range;
    const factor = (whole.to - whole.from) / (view.to - view.from);
    const { ticks, digits } = ticksOf(view);
    for (const g of groups) {
      g.box.classList.toggle("zoomed", zoomed());
      for (const panel of g.panels) {
        panel.narrow(factor);
        keepShapes(panel, factor);
        drawGrid(panel, ticks);
        if (panel.name.endsWith("axis")) drawAxis(panel, ticks, digits);
        if (panel.name === "phases") drawPhases(panel);
      }
    }
    placeRanges();
    leave();
  };
  const tell = () => {
    shown.textContent = inWords();
    resetButton.disabled = copyButton.disabled = !zoomed();
  };

  // zoom shows a range that somebody chose, and makes it the link of the page.
  const zoom = (range) => {
    if (!range) return;
    if (range !== view) draw(range);
    light(null);
    history.replaceState(null, "", zoomed() ? fragment() : location.pathname + location.search);
    tell();
  };
  const reset = () => {
    if (document.activeElement === resetButton) charts.focus({ preventScroll: true }); // the button goes out of use
    zoom(whole);
  };

  // follow does what the fragment says: a range to zoom to, or evidence to light.
  const follow = () => {
    const asked = /^#t=(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(location.hash);
    const range = asked && fitted(Number(asked[1]), Number(asked[2]));
    if (range) {
      draw(range);
      light(null);
      bar.scrollIntoView();
    } else {
      const lit = ranges.find(({ e }) => e.id === location.hash.slice(1));
      if (lit && (lit.from < view.from || lit.to > view.to)) draw(whole);
      light(lit ? lit.e : null);
    }
    tell();
  };
  addEventListener("hashchange", follow);
  document.addEventListener("click", (e) => {
    const link = e.target.closest("a[href^='#t']");
    if (link && link.hash === location.hash) follow(); // no change of the fragment, yet it is asked for
  });

  copyButton.addEventListener("click", () => {
    const address = location.href;
    const instead = () => prompt("The link to this range:", address);
    if (!navigator.clipboard) return instead();
    navigator.clipboard.writeText(address).then(() => { shown.textContent = inWords() + ". Its link is copied."; }, instead);
  });
  resetButton.addEventListener("click", reset);

  // ---- Cursor and reading.

  let at = null; // the moment under the cursor
  const nearest = (t) => {
    let low = 0, high = data.at.length - 1;
    while (high - low > 1) {
      const mid = (low + high) >> 1;
      if (data.at[mid] < t) low = mid; else high = mid;
    }
    return t - data.at[low] < data.at[high] - t ? low : high;
  };
  const show = (t) => {
    at = Math.min(view.to, Math.max(view.from, t));
    const index = data.at.length ? nearest(at) : -1;
    if (index >= 0 && data.at[index] >= view.from && data.at[index] <= view.to) at = data.at[index];
    for (const g of groups) {
      g.cursor.style.left = percent(at);
      g.cursor.style.top = g.panels[0].picture.getBoundingClientRect().top - g.box.getBoundingClientRect().top + "px";
      g.cursor.hidden = false;
    }
    reading.classList.remove("idle");
    const parts = index < 0 ? [] : data.rows.map((r) => r.name + " " + figure(r.values[index], r.unit));
    reading.textContent = "At " + clock(at, Math.max(1, digitsOf(view.to - view.from))) + (parts.length ? ": " + parts.join(", ") : "");
  };
  const leave = () => {
    at = null;
    groups.forEach((g) => { g.cursor.hidden = g.selection.hidden = true; });
    reading.classList.add("idle");
  };

  // step is the moment one step of an arrow key away: the next point, or with many
  // points a hundredth of what is seen.
  const step = (t, direction) => {
    const span = view.to - view.from;
    if (!data.at.length) return t + direction * span / 100;
    const inView = data.at.filter((p) => p >= view.from && p <= view.to).length;
    const next = nearest(t) + direction * Math.max(1, Math.round(inView / 100));
    const to = data.at[Math.max(0, Math.min(data.at.length - 1, next))];
    return to >= view.from && to <= view.to ? to : direction < 0 ? view.from : view.to;
  };

  // ---- Choosing a range, by drag or by keys.

  const select = (g, from, to) => {
    g.selection.hidden = false;
    g.selection.style.left = percent(Math.min(from, to));
    g.selection.style.width = Math.abs(parseFloat(percent(to)) - parseFloat(percent(from))) + "%";
  };
  const momentAt = (g, e) => {
    const box = g.box.getBoundingClientRect();
    const x = ((e.clientX - box.left) / box.width - data.left) / (data.right - data.left);
    return view.from + Math.min(1, Math.max(0, x)) * (view.to - view.from);
  };
  const onPlot = (g, e) => {
    const x = (e.clientX - g.box.getBoundingClientRect().left) / g.box.getBoundingClientRect().width;
    return e.target.closest("svg[data-panel]") && x >= data.left && x <= data.right;
  };
  let drag = null;
  for (const g of groups) {
    g.box.classList.add("live");
    g.box.addEventListener("pointerdown", (e) => {
      if (e.button === 0 && e.isPrimary && onPlot(g, e)) drag = { g, x: e.clientX, from: momentAt(g, e), moved: false };
    });
    g.box.addEventListener("pointermove", (e) => {
      reading.ariaLive = "off"; // a pointer passes many figures
      if (!drag) return onPlot(g, e) ? show(momentAt(g, e)) : undefined;
      if (!drag.moved && Math.abs(e.clientX - drag.x) < 5) return;
      if (!drag.moved) g.box.setPointerCapture(e.pointerId);
      drag.moved = true;
      show(momentAt(g, e));
      select(g, drag.from, momentAt(g, e));
      reading.textContent = "Let go to zoom to " + [drag.from, momentAt(g, e)].sort((a, b) => a - b).map((t) => clock(t, digitsOf(view.to - view.from))).join(" to ") + ".";
    });
    g.box.addEventListener("pointerup", (e) => {
      if (drag && drag.moved) {
        const ends = [drag.from, momentAt(g, e)].sort((a, b) => a - b);
        drag = null;
        leave();
        zoom(fitted(...ends));
      }
      drag = null;
    });
    g.box.addEventListener("pointercancel", () => { drag = null; leave(); });
    g.box.addEventListener("pointerleave", () => { if (!drag || !drag.moved) leave(); });
    g.box.addEventListener("dblclick", reset);
  }

  let anchor = null; // where a selection by keys began
  charts.addEventListener("keydown", (e) => {
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    const edge = { Home: "from", End: "to" }[e.key];
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (direction || edge) {
      reading.ariaLive = "polite";
      const before = at === null ? (direction < 0 ? view.to : view.from) : at;
      const to = edge ? view[edge] : at === null && !e.shiftKey ? before : step(before, direction);
      anchor = e.shiftKey ? (anchor === null ? before : anchor) : null;
      show(to);
      if (anchor === null) groups[0].selection.hidden = true; else select(groups[0], anchor, at);
    } else if (e.key === "Enter" && anchor !== null) {
      const ends = [anchor, at].sort((a, b) => a - b);
      anchor = null;
      zoom(fitted(...ends));
    } else if (e.key === "0") {
      anchor = null;
      reset();
    } else {
      return;
    }
    e.preventDefault();
  });
  charts.addEventListener("blur", () => { anchor = null; leave(); });
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    const choosing = anchor !== null || drag && drag.moved;
    anchor = drag = null;
    leave();
    if (!choosing) reset();
  });

  // ---- Paper shows the whole run.

  let before = null;
  addEventListener("beforeprint", () => { before = view; if (zoomed()) draw(whole); });
  addEventListener("afterprint", () => { if (before && before !== view) draw(before); });

  bar.hidden = reading.hidden = document.getElementById("keys").hidden = false;
  leave();
  tell();
  if (location.hash) follow();
})();

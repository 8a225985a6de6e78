// An audit of a page for readers of every kind, as an expression whose value is a
// list of {rule, where, what}. It reads the page and changes nothing. Each rule is
// seen to fail in TestAuditFindsWhatIsWrong.
(() => {
  "use strict";
  const findings = [];
  const report = (rule, e, what) => findings.push({ rule, where: nameOf(e), what });
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const nameOf = (e) => {
    const classes = (e.getAttribute("class") || "").trim().split(/\s+/).filter(Boolean);
    const picture = e.closest("svg[role]");
    return (picture && picture !== e ? nameOf(picture) + " " : "") + e.localName + (e.id ? "#" + e.id : "") +
      (e.dataset.panel ? "[" + e.dataset.panel + "]" : "") + classes.map((c) => "." + c).join("");
  };
  const visible = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const shown = (box) => box.width > 1 && box.height > 1; // words for screen readers only are a point wide

  // ---- Contrast of every visible text with what is behind it.

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const colours = new Map();
  const colour = (css) => { // as red, green, blue, opacity, whatever its notation
    if (!colours.has(css)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = "#000";
      canvas.fillStyle = css;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      colours.set(css, [r, g, b, a / 255]);
    }
    return colours.get(css);
  };
  const over = ([r, g, b, a], [r2, g2, b2]) => [r * a + r2 * (1 - a), g * a + g2 * (1 - a), b * a + b2 * (1 - a), 1];
  const luminance = ([r, g, b]) => {
    const part = (v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    return .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
  };
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + .05) / (low + .05);
  };
  const opacityOf = (e) => {
    let opacity = 1;
    for (; e; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
    return opacity;
  };
  const canvasColour = () => {
    const dark = getComputedStyle(document.documentElement).colorScheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches;
    return dark ? [18, 18, 18, 1] : [255, 255, 255, 1];
  };
  const groundOf = (e) => { // of an HTML element: the backgrounds of its ancestors on one another
    const layers = [];
    for (; e; e = e.parentElement) layers.unshift(colour(getComputedStyle(e).backgroundColor));
    return layers.reduce((ground, layer) => over(layer, ground), canvasColour());
  };
  const groundOfDrawn = (text) => {
    const style = getComputedStyle(text);
    if (style.stroke !== "none" && style.paintOrder.startsWith("stroke") && parseFloat(style.strokeWidth) >= 2) return colour(style.stroke); // its own halo
    const box = text.getBoundingClientRect();
    const picture = text.closest("svg[role], svg:not(svg svg)");
    let ground = groundOf(picture.parentElement);
    for (const r of all("rect", picture)) {
      const fill = getComputedStyle(r).fill, b = r.getBoundingClientRect();
      const behind = r.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING;
      if (!behind || r.closest("defs") || fill === "none" || fill.startsWith("url") || b.left > box.left + box.width / 2 || b.right < box.left + box.width / 2 || b.top > box.top + box.height / 2 || b.bottom < box.top + box.height / 2) continue;
      const [red, green, blue, a] = colour(fill);
      ground = over([red, green, blue, a * opacityOf(r) * Number(getComputedStyle(r).fillOpacity)], ground);
    }
    return ground;
  };
  const judgeText = (e) => {
    const style = getComputedStyle(e), drawn = e.namespaceURI.endsWith("svg");
    const scale = drawn && e.getScreenCTM ? e.getScreenCTM().d : 1;
    const size = parseFloat(style.fontSize) * scale, bold = Number(style.fontWeight) >= 700;
    const ground = drawn ? groundOfDrawn(e) : groundOf(e);
    const [r, g, b, a] = colour(drawn ? style.fill : style.color);
    const ratio = contrast(over([r, g, b, a * opacityOf(e)], ground), ground);
    const wanted = size >= 24 || bold && size >= 18.66 ? 3 : 4.5;
    if (ratio < wanted) report("contrast", e, ratio.toFixed(2) + " for " + JSON.stringify(e.textContent.trim().slice(0, 30)) + ", wanted " + wanted);
  };
  const texts = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || e.closest("script, style, title, desc, :disabled") || !visible(e)) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    if (shown(e.getBoundingClientRect()) && shown(range.getBoundingClientRect())) texts.add(e);
  }
  texts.forEach(judgeText);

  // ---- Names.

  const heard = (e) => { // the text of an element as it is read out
    if (e.nodeType === Node.TEXT_NODE) return e.data;
    if (e.nodeType !== Node.ELEMENT_NODE || e.getAttribute("aria-hidden") === "true" || e.localName === "title" && e.namespaceURI.endsWith("svg") === false) return "";
    return e.getAttribute("aria-label") || e.getAttribute("alt") || [...e.childNodes].map(heard).join(" ");
  };
  const accessibleName = (e) => {
    const by = (e.getAttribute("aria-labelledby") || "").split(/\s+/).filter(Boolean).map((id) => document.getElementById(id));
    if (by.length) return by.map((n) => n ? n.textContent : "").join(" ").trim();
    const label = e.id && document.querySelector('label[for="' + CSS.escape(e.id) + '"]');
    return (e.getAttribute("aria-label") || (label ? heard(label) : "") || heard(e) || e.getAttribute("title") || "").trim();
  };
  const interactive = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
  for (const e of all(interactive)) {
    const container = e.matches("[tabindex]:not(a, button, input, select, textarea, summary)");
    const name = container ? (e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || "").trim() : accessibleName(e);
    if (!name) report("name", e, "nothing tells what it is");
    if (container && !e.getAttribute("role")) report("name", e, "can be focused and has no role");
    if (e.tabIndex > 0) report("focus-order", e, "tabindex " + e.tabIndex + " takes it out of order");
    const outer = e.parentElement && e.parentElement.closest("a[href], button, summary");
    if (outer) report("nested", e, "is inside of another thing to press, " + nameOf(outer));
  }
  for (const e of all("svg:not(svg svg), img")) {
    if (e.closest("[aria-hidden=true]")) continue;
    if (e.localName === "svg" && e.getAttribute("role") !== "img") report("picture", e, "role img is missing");
    const title = e.localName === "svg" && e.querySelector(":scope > title");
    const name = e.localName === "img" ? e.getAttribute("alt") : e.getAttribute("aria-labelledby") || e.getAttribute("aria-label") ? accessibleName(e) : title && title.textContent.trim();
    if (!name) report("picture", e, "nothing stands for it where it is not seen");
  }

  // ---- Structure.

  for (const e of all("[aria-labelledby], [aria-describedby], [aria-controls]")) {
    for (const attribute of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
      for (const id of (e.getAttribute(attribute) || "").split(/\s+/).filter(Boolean)) {
        if (!document.getElementById(id)) report("reference", e, attribute + " names " + id + ", which is not there");
      }
    }
  }
  const ids = new Set();
  for (const e of all("[id]")) {
    if (ids.has(e.id)) report("duplicate-id", e, "a second " + e.id);
    ids.add(e.id);
  }
  for (const e of all("a[href^='#']")) {
    if (!document.getElementById(decodeURIComponent(e.getAttribute("href").slice(1)))) report("target", e, e.getAttribute("href") + " leads nowhere");
  }
  for (const e of all("th")) if (!e.getAttribute("scope")) report("scope", e, JSON.stringify(e.textContent) + " heads nobody knows what");
  for (const e of all("th")) if (!heard(e).trim()) report("scope", e, "an empty heading");
  for (const e of all("table")) if (!e.querySelector("th")) report("scope", e, "a table without headings");
  let level = 0;
  for (const e of all("h1, h2, h3, h4, h5, h6")) {
    const next = Number(e.localName[1]);
    if (next > level + 1) report("headings", e, "level " + next + " follows level " + level);
    level = next;
  }
  if (all("h1").length !== 1) report("headings", document.body, all("h1").length + " headings of level 1");
  if (all("main").length !== 1) report("landmark", document.body, all("main").length + " main parts");
  if (!document.documentElement.lang) report("language", document.documentElement, "the language is not named");
  if (!document.title.trim()) report("title", document.documentElement, "the page has no title");
  for (const e of all("ul, ol")) for (const child of e.children) if (!["li", "script", "template"].includes(child.localName)) report("list", e, "holds a " + child.localName);

  // ---- What an eye sees at once: words on words, words cut off, a page too wide.

  for (const e of all("body *")) {
    const style = getComputedStyle(e);
    if (/auto|scroll/.test(style.overflowX) && e.scrollWidth > e.clientWidth + 1 && visible(e) && e.tabIndex < 0 && e.localName !== "pre") report("scroll", e, "scrolls sideways and keys cannot reach it");
  }
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) report("width", document.documentElement, "the page is " + document.documentElement.scrollWidth + " wide in a window of " + document.documentElement.clientWidth);
  for (const picture of all("svg[role=img]")) {
    if (!visible(picture)) continue;
    const frame = picture.getBoundingClientRect();
    const words = all("text", picture).filter(visible).map((e) => ({ e, box: e.getBoundingClientRect() })).filter(({ e, box }) => {
      const plot = e.closest(".plot");
      const view = plot && getComputedStyle(plot).overflow === "hidden" ? plot.getBoundingClientRect() : null;
      return shown(box) && !(view && (box.right < view.left || box.left > view.right));
    });
    words.forEach(({ e, box }, i) => {
      if (!e.closest(".zoomed .plot") && (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2)) report("cut-off", e, JSON.stringify(e.textContent) + " leaves its picture");
      for (const other of words.slice(i + 1)) {
        const across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
        const down = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
        if (across > 1 && down > 4) report("overlap", e, JSON.stringify(e.textContent) + " and " + JSON.stringify(other.e.textContent));
      }
    });
  }
  return findings;
})()

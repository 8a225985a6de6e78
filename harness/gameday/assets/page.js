"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const services = JSON.parse($("services").textContent) || [];
  const run = { points: [], head: null, bands: { phases: [], faults: [], alerts: [] }, people: [], state: null, kinds: [], width: 1 };

  // Figures in words.
  const number = (v) => (v >= 100 ? Math.round(v) : Math.round(v * 10) / 10).toLocaleString("en");
  const millis = (v) => (v === 0 ? "–" : v >= 1000 ? number(v / 1000) + " s" : number(v) + " ms");
  const clock = (t) => {
    const s = Math.max(0, Math.floor(t)), pad = (n) => String(n).padStart(2, "0");
    const h = Math.floor(s / 3600);
    return (h ? h + ":" + pad(Math.floor(s / 60) % 60) : String(Math.floor(s / 60))) + ":" + pad(s % 60);
  };
  const node = (name, text, attributes) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    return made;
  };

  // Charts: panels on one time axis, drawn anew with each frame.
  const width = 900, left = 48, right = 110;
  const draw = (name, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const span = () => {
    const from = run.head.traffic, to = Math.max(run.head.now, from + 60);
    return { from, x: (t) => left + (Math.min(Math.max(t, from), to) - from) / (to - from) * (width - left - right), to };
  };
  const ceiling = (v) => {
    const unit = Math.pow(10, Math.floor(Math.log10(Math.max(v, 1))));
    return [1, 2, 5, 10].map((m) => m * unit).find((m) => m >= v) || 10 * unit;
  };
  // few keeps the worst of each stretch, so that drawing costs the same all day.
  const few = (points) => {
    const most = 500;
    if (points.length <= most) return points;
    const size = Math.ceil(points.length / most), kept = [];
    for (let i = 0; i < points.length; i += size) {
      kept.push(points.slice(i, i + size).reduce((a, b) => a.map((v, n) => (n === 0 ? v : Math.max(v, b[n] || 0)))));
    }
    return kept;
  };
  const canvas = (id, height, label) => {
    let svg = $(id);
    if (!svg) {
      svg = draw("svg", { id, role: "img" });
      $("charts").append(svg);
    }
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("aria-label", label);
    return svg;
  };
  const frameOf = (axis, title, top, height) => {
    const parts = [draw("text", { x: 0, y: 13, class: "title" }, title)];
    for (const f of run.bands.faults.filter((one) => one.state !== "called off")) {
      const x = axis.x(f.from), end = axis.x(f.to ?? run.head.now);
      parts.push(draw("rect", { x, y: 26, width: Math.max(end - x, 1.5), height, class: "shade" }));
    }
    for (const [y, text] of [[26, number(top)], [26 + height, "0"]]) {
      parts.push(draw("line", { x1: left, x2: width - right, y1: y, y2: y, class: "grid" }));
      parts.push(draw("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, text));
    }
    return parts;
  };
  const panel = (id, title, lines, points) => {
    const axis = span(), height = 92, last = points[points.length - 1];
    const top = ceiling(Math.max(1, ...lines.map((l) => Math.max(0, ...points.map(l.value)))) * 1.02);
    const y = (v) => 26 + height - v / top * height;
    const parts = frameOf(axis, title, top, height);
    const ends = lines.map((l) => ({ text: l.name, y: y(l.value(last)) + 4 })).sort((a, b) => a.y - b.y);
    for (let i = 1; i < ends.length; i++) ends[i].y = Math.max(ends[i].y, ends[i - 1].y + 13);
    lines.forEach((l) => {
      let path = "", before;
      for (const p of points) {
        const x = axis.x(p[0] + run.width / 2).toFixed(1), at = y(l.value(p)).toFixed(1);
        path += (path ? "L" : "M") + x + " " + (l.step && before !== undefined ? before + "L" + x + " " : "") + at;
        before = at;
      }
      parts.push(draw("path", { d: path, class: "c" + l.look }));
    });
    ends.forEach((e) => parts.push(draw("text", { x: width - right + 6, y: e.y, class: "end" }, e.text)));
    const now = lines.map((l) => `${l.name} ${number(l.value(last))}`).join(", ");
    canvas(id, height + 34, `${title}, now: ${now}`).replaceChildren(...parts);
  };
  // rows are what lasts: faults and alerts, a row each, and what people did as marks.
  const rows = () => {
    const axis = span(), parts = [draw("text", { x: 0, y: 13, class: "title" }, "Faults, alerts and people")];
    const bands = [
      ...run.bands.faults.slice(-8).map((f) => ({ ...f, name: "fault " + f.label, look: f.doubt ? "in-doubt" : "in-fault" })),
      ...run.bands.alerts.slice(-8).map((a) => ({ ...a, name: `alert ${a.state}: ${a.label}`, look: a.doubt ? "in-pending" : "in-alert" })),
    ];
    bands.forEach((b, i) => {
      const x = axis.x(b.from), end = axis.x(b.to ?? run.head.now), y = 22 + i * 22;
      const bar = draw("rect", { x, y: y + 13, width: Math.max(end - x, 3), height: 6, class: b.look });
      bar.append(draw("title", {}, b.state || b.name));
      parts.push(bar, draw("text", { x: Math.min(x, width - 330), y: y + 9, class: "name" }, (b.to === undefined ? "● " : "") + b.name.slice(0, 90)));
    });
    const y = 28 + bands.length * 22;
    for (const p of run.people) {
      const x = axis.x(p.t), mark = draw("path", { d: `M${x} ${y}l5 9h-10z`, class: "person" });
      mark.append(draw("title", {}, `${clock(p.t)} ${p.subject}: ${p.text}`));
      parts.push(mark);
    }
    const phases = run.bands.phases.map((p) => draw("text", { x: axis.x(p.from), y: y + 26, class: "name" }, "│ " + p.label));
    parts.push(...phases, draw("text", { x: width - right + 6, y: y + 26 }, clock(run.head.now)));
    canvas("rows", y + 32, `${run.bands.faults.length} faults, ${run.bands.alerts.length} alerts, ${run.people.length} notes and interventions`).replaceChildren(...parts);
  };
  const charts = () => {
    $("empty").hidden = run.points.length > 0;
    if (!run.points.length) return;
    const points = few(run.points);
    rows();
    panel("chart-load", "Requests a second", [
      { name: "intended", look: 1, value: (p) => p[1] }, { name: "achieved", look: 0, value: (p) => p[2] }], points);
    panel("chart-times", "Response time of the slowest step, ms", [
      { name: "p50", look: 2, value: (p) => p[5] }, { name: "p99", look: 5, value: (p) => p[6] }], points);
    panel("chart-errors", "Errors a second", [
      { name: "failed", look: 4, value: (p) => p[3] }, { name: "unknown", look: 3, value: (p) => p[4] }], points);
    panel("chart-instances", "Instances that serve, by service", services
      .map((name, i) => ({ name, step: true, look: [0, 2, 3, 4, 5, 1][i % 6], value: (p) => p[7 + i] || 0 }))
      .filter((l) => run.points.some((p) => l.value(p) > 0)), points);
  };

  // What stands beside the charts.
  const stages = { starting: "bringing the stack up", driving: "traffic flows", ending: "coming to its end", over: "over" };
  const glance = () => {
    const h = run.head, last = run.points[run.points.length - 2] || run.points[run.points.length - 1];
    const paused = h.stage === "driving" && h.multiple === 0;
    $("stage").textContent = (paused ? "traffic is paused" : stages[h.stage]) + ", " + clock(h.now);
    $("phase").textContent = h.phase ? `phase ${h.phase}, ${clock(h.until - h.now)} left` : "";
    $("load").textContent = h.multiple === 1 ? "" : `load ${number(h.multiple)} times the plan's`;
    const force = run.bands.faults.filter((f) => f.to === undefined).length;
    $("tile-faults").textContent = String(force);
    if (last) {
      $("tile-load").textContent = `${number(last[2])}/s of ${number(last[1])}/s`;
      $("tile-times").textContent = `${millis(last[5])} / ${millis(last[6])}`;
      $("tile-errors").textContent = `${number(last[3])}/s`;
    }
    $("steering").disabled = !run.state || h.stage !== "driving";
    if (h.stage !== "over") return;
    stream.close();
    $("link").textContent = "";
    $("abort").disabled = true;
    $("confirm").hidden = true;
    $("over").textContent = "The run is over: " + h.outcome;
    $("over").hidden = $("report").hidden = false;
  };
  const line = (e) => {
    const made = node("li", undefined, e.grave ? { class: "grave" } : {});
    made.append(node("time", clock(e.t)), node("span", e.grave ? "▲" : "", e.grave ? { title: "deserves a look" } : {}),
      node("span", e.kind + (e.subject ? " · " + e.subject : ""), { class: "muted" }), node("span", e.text));
    return made;
  };
  const lists = { log: { at: $("events"), last: 0, most: 400 }, people: { at: $("people"), last: 0, most: 400 } };
  const append = (name, entries, anew) => {
    const list = lists[name];
    if (anew) { list.at.replaceChildren(); list.last = 0; }
    const fresh = (entries || []).filter((e) => e.n > list.last);
    for (const e of fresh) { list.at.prepend(line(e)); list.last = e.n; }
    while (list.at.childElementCount > list.most) list.at.lastElementChild.remove();
    return fresh;
  };

  // What can be chosen.
  const chosen = {};
  const unlessSame = (name, value, fill) => {
    const text = JSON.stringify(value);
    if (chosen[name] === text) return;
    chosen[name] = text;
    fill(value || []);
  };
  const fillFaults = (faults) => {
    $("faults").replaceChildren(...faults.map((f) => {
      const made = node("li");
      made.append(node("span", `${f.id}: ${f.kind} on ${(f.targets || []).join(", ") || "–"}, ${f.state}${f.live ? ", by hand" : ""}`));
      if (f.state === "called off") return made;
      const does = f.state === "planned" ? "Call off" : "Revert";
      const button = node("button", does, { type: "button", "aria-label": does + " " + f.id, "data-fault": f.id });
      button.addEventListener("click", () => busy(button, { verb: "revert", fault: f.id }));
      made.append(button);
      return made;
    }));
    if (!faults.length) $("faults").append(node("li", "none", { class: "muted" }));
  };
  const fillServices = (list) => {
    const before = $("service").value;
    $("service").replaceChildren(...list.map((s) => node("option", `${s.name} (has ${s.replicas})`, { value: s.name })));
    if (list.some((s) => s.name === before)) $("service").value = before;
    else if (list.length) $("replicas").value = list[0].replicas;
  };
  const kind = () => run.kinds.find((k) => k.name === $("kind").value);
  const fillKinds = (kinds) => {
    run.kinds = kinds;
    const groups = new Map(), before = $("kind").value;
    for (const k of kinds) {
      if (!groups.has(k.group)) groups.set(k.group, node("optgroup", undefined, { label: k.group }));
      groups.get(k.group).append(node("option", k.name + (k.not ? " (not here)" : ""), k.not ? { value: k.name, disabled: "", title: k.not } : { value: k.name }));
    }
    $("kind").replaceChildren(...groups.values());
    if (kinds.some((k) => k.name === before && !k.not)) $("kind").value = before;
    else { const first = kinds.find((k) => !k.not); if (first) { $("kind").value = first.name; explain(); } }
    const not = kinds.filter((k) => k.not);
    $("impossible").hidden = !not.length;
    $("impossible").querySelector("ul").replaceChildren(...not.map((k) => node("li", k.name + ": " + k.not)));
  };
  const explain = () => {
    const k = kind();
    if (k) { $("does").textContent = k.does; $("fault").value = k.example; }
  };

  // Commands.
  const say = (text, look) => { $("reply").textContent = text; $("reply").className = "reply " + look; };
  const steer = async (command) => {
    const by = $("who").value.trim();
    if (!by && command.verb !== "abort") {
      say("Say who you are first: it goes into the record.", "bad");
      $("who").focus();
      return false;
    }
    say("Asked: " + command.verb + " …", "");
    try {
      const answer = await fetch("/command", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...command, by: by || "somebody at the page" }) });
      const text = await answer.text();
      let said = { error: text };
      try { said = JSON.parse(text); } catch { /* an error in plain text */ }
      say(said.error ? "Not done: " + said.error : "Done: " + said.text, said.error ? "bad" : "good");
      return !said.error;
    } catch {
      say("Not done: there is no connection to the run.", "bad");
      return false;
    }
  };
  const busy = async (button, command) => {
    button.disabled = true;
    const done = await steer(command);
    button.disabled = false;
    return done;
  };
  const onSubmit = (id, command, after) => $(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await busy(event.submitter || $(id).querySelector("button"), command()) && after) after();
  });
  onSubmit("note-form", () => ({ verb: "note", text: $("note").value }), () => { $("note").value = ""; });
  onSubmit("load-form", () => ({ verb: "load", multiple: Number($("multiple").value) }));
  onSubmit("inject-form", () => ({ verb: "inject", fault: $("fault").value }));
  onSubmit("scale-form", () => ({ verb: "scale", service: $("service").value, replicas: Number($("replicas").value) }));
  $("who-form").addEventListener("submit", (event) => event.preventDefault());
  for (const verb of ["pause", "resume"]) $(verb).addEventListener("click", () => busy($(verb), { verb }));
  $("kind").addEventListener("change", explain);
  $("service").addEventListener("change", () => {
    const s = run.state.services.find((one) => one.name === $("service").value);
    if (s) $("replicas").value = s.replicas;
  });
  $("who").value = sessionStorage.getItem("who") || "";
  $("who").addEventListener("input", () => sessionStorage.setItem("who", $("who").value));
  const confirming = (open) => {
    $("confirm").hidden = !open;
    $("abort").setAttribute("aria-expanded", String(open));
    (open ? $("abort-no") : $("abort")).focus();
  };
  $("abort").addEventListener("click", () => confirming($("confirm").hidden));
  $("abort-no").addEventListener("click", () => confirming(false));
  $("abort-yes").addEventListener("click", () => { confirming(false); steer({ verb: "abort" }); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !$("confirm").hidden) confirming(false); });

  // The stream.
  const merge = (points) => {
    for (const p of points) {
      let i = run.points.length;
      while (i > 0 && run.points[i - 1][0] > p[0]) i--;
      if (i > 0 && run.points[i - 1][0] === p[0]) run.points[i - 1] = p;
      else run.points.splice(i, 0, p);
    }
  };
  const take = (frame) => {
    run.head = frame.head;
    if (frame.width) run.width = frame.width;
    if (frame.full || frame.thinned) run.points = [];
    merge(frame.points || []);
    if (frame.bands) for (const name of ["phases", "faults", "alerts"]) run.bands[name] = frame.bands[name] || [];
    append("log", frame.log, frame.full);
    if (frame.full) run.people = [];
    run.people.push(...append("people", frame.people, frame.full));
    if (frame.state) {
      run.state = frame.state;
      unlessSame("faults", frame.state.faults, fillFaults);
      unlessSame("services", frame.state.services, fillServices);
      if (frame.state.kinds) unlessSame("kinds", frame.state.kinds, fillKinds);
    }
    charts();
    glance();
  };
  // A browser has six connections to a host: tabs that nobody looks at must not take
  // them from the one with the abort. Coming back begins with a snapshot.
  let stream = null;
  const listen = () => {
    if (stream) stream.close();
    stream = document.hidden ? null : new EventSource("/events");
    if (!stream) return;
    stream.onmessage = (event) => { $("link").textContent = ""; take(JSON.parse(event.data)); };
    stream.onerror = () => {
      $("link").textContent = stream.readyState === EventSource.CLOSED ? "· the run does not answer this page any more; open it again with its address" : "· no connection to the run; trying again";
    };
  };
  document.addEventListener("visibilitychange", listen);
  listen();
})();

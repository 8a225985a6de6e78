(() => {
  "use strict";
  // Folds are of no use on paper.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));

  const panels = document.querySelector(".panels");
  const raw = document.getElementById("series");
  if (!panels || !raw) return;
  const data = JSON.parse(raw.textContent);
  if (!data.at.length) return;
  const cursor = panels.querySelector(".cursor");
  const reading = document.querySelector(".reading");
  let index = -1;

  const clock = (t) => t < 100 ? t.toFixed(1) + " s" : Math.floor(t / 60) + ":" + (t % 60).toFixed(1).padStart(4, "0");
  const figure = (v, unit) => {
    if (unit === "/s") return (v < 100 && v % 1 ? v.toFixed(1) : Math.round(v).toLocaleString("en")) + "/s";
    if (!v) return "–";
    return v < 1000 ? Number(v.toPrecision(3)) + " ms" : (v / 1000).toPrecision(3) + " s";
  };

  const show = (i) => {
    index = Math.max(0, Math.min(data.at.length - 1, i));
    const share = (data.at[index] - data.from) / (data.to - data.from);
    cursor.style.left = 100 * (data.left + share * (data.right - data.left)) + "%";
    cursor.hidden = reading.hidden = false;
    const parts = data.rows.map((r) => r.name + " " + figure(r.values[index], r.unit));
    reading.textContent = "At " + clock(data.at[index]) + ": " + parts.join(", ");
  };
  const nearest = (t) => {
    let low = 0, high = data.at.length - 1;
    while (high - low > 1) {
      const mid = (low + high) >> 1;
      if (data.at[mid] < t) low = mid; else high = mid;
    }
    return t - data.at[low] < data.at[high] - t ? low : high;
  };

  panels.addEventListener("pointermove", (e) => {
    const box = panels.getBoundingClientRect();
    const share = ((e.clientX - box.left) / box.width - data.left) / (data.right - data.left);
    if (share >= 0 && share <= 1) show(nearest(data.from + share * (data.to - data.from)));
  });
  panels.addEventListener("pointerleave", () => { cursor.hidden = reading.hidden = true; });
  panels.parentElement.addEventListener("keydown", (e) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (!step) return;
    e.preventDefault();
    show(index < 0 ? 0 : index + step * (e.shiftKey ? 10 : 1));
  });
})();

"use strict";
// Values beside a pointer over curves. The page says all without it.
(() => {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  const ZERO = 0.12;
  const axis = (code) => {
    const [scale, low, high] = code.split(" ");
    return { scale, low: +low, high: +high };
  };
  const value = (a, share) => {
    if (a.scale === "linear") return a.low + share * (a.high - a.low);
    if (a.scale === "zero") share = (share - ZERO) / (1 - ZERO);
    return share < 0 ? 0 : a.low * (a.high / a.low) ** share;
  };
  const short = (v) => String(+v.toPrecision(3));
  const words = (unit, v) => {
    const ladder = {
      Millis: [[1e3, "s"], [1, "ms"], [1e-3, "µs"]],
      Seconds: [[1, "s"]],
      BitsPerSecond: [[1e9, "Gbit/s"], [1e6, "Mbit/s"], [1e3, "kbit/s"], [1, "bit/s"]],
      Bytes: [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"], [1, "B"]],
      Share: [[0.01, "%"]],
    }[unit];
    if (!ladder) return short(v);
    const [size, name] = ladder.find(([size]) => Math.abs(v) >= size) || ladder[ladder.length - 1];
    return `${short(v / size)} ${name}`;
  };
  const height = (line, x) => {
    const points = line.points;
    for (let n = 1; n < points.numberOfItems; n += 1) {
      const a = points.getItem(n - 1), b = points.getItem(n);
      if (Math.min(a.x, b.x) <= x && x <= Math.max(a.x, b.x)) {
        return a.x === b.x ? b.y : a.y + (b.y - a.y) * (x - a.x) / (b.x - a.x);
      }
    }
    return null;
  };
  document.addEventListener("pointermove", (event) => {
    const svg = event.target.closest && event.target.closest("figure svg");
    tip.hidden = true;
    if (!svg || !svg.querySelector(".series")) return;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    for (const plot of svg.querySelectorAll(".plotted")) {
      const [left, top, right, bottom] = plot.dataset.area.split(" ").map(Number);
      if (at.x < left || at.x > right || at.y < top || at.y > bottom) continue;
      const [xUnit, yUnit] = plot.dataset.units.split(" ");
      const x = axis(plot.dataset.x), y = axis(plot.dataset.y);
      tip.textContent = "";
      const head = document.createElement("b");
      head.textContent = words(xUnit, value(x, (at.x - left) / (right - left)));
      tip.append(head);
      for (const series of svg.querySelectorAll(`.series[data-plot="${plot.dataset.plot}"]`)) {
        if (getComputedStyle(series).display === "none") continue;
        for (const line of series.querySelectorAll("polyline")) {
          const own = height(line, at.x);
          if (own === null) continue;
          const row = document.createElement("div"), mark = document.createElement("i");
          mark.style.background = getComputedStyle(line).stroke;
          row.append(mark, `${series.dataset.name}: ${words(yUnit, value(y, (bottom - own) / (bottom - top)))}`);
          tip.append(row);
        }
      }
      if (tip.children.length < 2) return;
      tip.hidden = false;
      const box = tip.getBoundingClientRect();
      const right2 = event.clientX + 16 + box.width > innerWidth;
      tip.style.left = `${Math.max(4, right2 ? event.clientX - 16 - box.width : event.clientX + 16)}px`;
      tip.style.top = `${Math.min(event.clientY + 16, innerHeight - box.height - 4)}px`;
      return;
    }
  });
})();

// The telemetry charts of the Device page.
"use strict";

(() => {
  const charts = document.getElementById("charts");
  const hours = document.getElementById("hours");
  const AGAIN_MS = 15000;
  const HEIGHT = 190;
  const MINUTES = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600];
  const MOST_SPANS = 8;
  let chosen = 6;
  let plots = [];

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const round = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));

  const words = (chart) => {
    const inUnit = (value) => `${round(value)}\u00a0${chart.unit}`;
    const values = chart.series.flatMap((series) => series.values).filter((v) => v !== null);
    const last = chart.series
      .map((series) => series.values.filter((v) => v !== null).at(-1))
      .filter((v) => v !== undefined);
    return charts.dataset.now
      .replace("{now}", inUnit(Math.max(...last)))
      .replace("{low}", inUnit(Math.min(...values)))
      .replace("{high}", inUnit(Math.max(...values)));
  };

  const clock = new Intl.DateTimeFormat(document.documentElement.lang, {
    hour: "2-digit", minute: "2-digit", hour12: false,
  });

  const slowed = (spans) => {
    const times = spans.slice(-MOST_SPANS).map((span) => {
      const [from, to] = span.map((time) => clock.format(time * 1000));
      return from === to ? from : `${from}–${to}`;
    });
    const line = document.createElement("p");
    line.className = "slowed";
    line.textContent = charts.dataset.slow.replace("{times}", times.join(", "));
    return line;
  };

  // Shade the periods of throttling behind the curves.
  const shade = (spans) => (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = color("--warn-tint");
    for (const [from, to] of spans) {
      const left = Math.max(plot.valToPos(from, "x", true), bbox.left);
      const right = Math.min(plot.valToPos(to, "x", true), bbox.left + bbox.width);
      if (right >= bbox.left) {
        ctx.fillRect(left, bbox.top, Math.max(right - left, 3), bbox.height);
      }
    }
    ctx.restore();
  };

  const settings = (chart, width, spans) => {
    const axis = {
      stroke: color("--soft"),
      font: "13px system-ui, sans-serif",
      grid: { stroke: color("--edge"), width: 1 },
      ticks: { stroke: color("--edge"), width: 1 },
    };
    const colors = ["--chart-1", "--chart-2", "--chart-3", "--chart-4"].map(color);
    const dashes = [[], [8, 4], [3, 3], [10, 3, 3, 3]];
    return {
      width,
      height: HEIGHT,
      cursor: { drag: { x: false, y: false } },
      hooks: { drawClear: [shade(spans)] },
      scales: { y: { range: (_, low, high) => [Math.min(low, 0), high > 0 ? high * 1.1 : 1] } },
      axes: [
        { ...axis, incrs: MINUTES, values: (_, times) => times.map((time) => clock.format(time * 1000)) },
        { ...axis, size: 52, values: (_, values) => values.map((value) => `${value}`) },
      ],
      series: [
        { label: charts.dataset.time, value: (_, time) => (time === null ? "–" : clock.format(time * 1000)) },
        ...chart.series.map((series, index) => ({
          label: series.label,
          stroke: colors[index],
          dash: dashes[index],
          width: 2,
          points: { show: false },
          value: (_, value) => (value === null ? "–" : `${round(value)} ${chart.unit}`),
        })),
      ],
    };
  };

  const draw = (data) => {
    for (const plot of plots) {
      plot.destroy();
    }
    plots = [];
    charts.replaceChildren();
    if (data.charts.length === 0) {
      const nothing = document.createElement("p");
      nothing.className = "soft";
      nothing.textContent = charts.dataset.none;
      charts.append(nothing);
      return;
    }
    for (const chart of data.charts) {
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      const title = document.createElement("strong");
      title.textContent = `${chart.title} (${chart.unit})`;
      const told = document.createElement("span");
      told.textContent = words(chart);
      caption.append(title, told);
      figure.append(caption);
      charts.append(figure);
    }
    if (data.slow.length > 0) {
      charts.append(slowed(data.slow));
    }
    if (!window.uPlot) {
      return; // without uPlot only the captions with the numbers are shown
    }
    data.charts.forEach((chart, index) => {
      const figure = charts.children[index]; // has its final width now that all figures exist
      const columns = [data.at, ...chart.series.map((series) => series.values)];
      const plot = new window.uPlot(settings(chart, figure.clientWidth, data.slow), columns, figure);
      plot.root.setAttribute("role", "img");
      plot.root.setAttribute("aria-label", `${chart.title}: ${words(chart)}`);
      plots.push(plot);
    });
  };

  const load = async () => {
    try {
      const answer = await fetch(`${charts.dataset.curves}?hours=${chosen}`, {
        headers: { Accept: "application/json", "X-Lectern-Live": "1" },
      });
      if (answer.status === 401) {
        window.location.reload();
      } else if (answer.ok) {
        draw(await answer.json());
      }
    } catch {
      // Keep the current charts; the next interval tries again.
    }
  };

  hours.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button !== null) {
      chosen = Number(button.dataset.hours);
      for (const other of hours.querySelectorAll("button")) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      load();
    }
  });

  let width = 0;
  new ResizeObserver(() => {
    if (charts.clientWidth !== width) {
      width = charts.clientWidth;
      for (const plot of plots) {
        plot.setSize({ width: plot.root.parentElement.clientWidth, height: HEIGHT });
      }
    }
  }).observe(charts);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", load);
  window.setInterval(() => {
    if (!document.hidden && charts.querySelector(":hover") === null) {
      load();
    }
  }, AGAIN_MS);
  load();
})();

// The telemetry charts of the Device page.
"use strict";

(() => {
  const charts = document.getElementById("charts");
  const hours = document.getElementById("hours");
  const RELOAD_MS = 15000;
  const HEIGHT_PX = 190;
  const TICK_STEPS_S = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600];
  const MAX_SPANS = 8;
  let selectedHours = 6;
  let plots = [];

  const cssColor = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const formatValue = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));

  // Describe a chart by its current, lowest and highest value.
  const summary = (chart) => {
    const inUnit = (value) => `${formatValue(value)}\u00a0${chart.unit}`;
    const values = chart.series.flatMap((series) => series.values).filter((v) => v !== null);
    const last = chart.series
      .map((series) => series.values.filter((v) => v !== null).at(-1))
      .filter((v) => v !== undefined);
    return charts.dataset.now
      .replace("{now}", inUnit(Math.max(...last)))
      .replace("{low}", inUnit(Math.min(...values)))
      .replace("{high}", inUnit(Math.max(...values)));
  };

  const timeFormat = new Intl.DateTimeFormat(document.documentElement.lang, {
    hour: "2-digit", minute: "2-digit", hour12: false,
  });
  const formatTime = (seconds) => timeFormat.format(seconds * 1000);

  // Create the paragraph that lists the latest periods of throttling, MAX_SPANS at most.
  const throttledLine = (spans) => {
    const times = spans.slice(-MAX_SPANS).map((span) => {
      const [from, to] = span.map(formatTime);
      return from === to ? from : `${from}–${to}`;
    });
    const line = document.createElement("p");
    line.className = "throttled";
    line.textContent = charts.dataset.throttled.replace("{times}", times.join(", "));
    return line;
  };

  // Shade the periods of throttling behind the curves.
  const shadeThrottled = (spans) => (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = cssColor("--warn-tint");
    for (const [from, to] of spans) {
      const left = Math.max(plot.valToPos(from, "x", true), bbox.left);
      const right = Math.min(plot.valToPos(to, "x", true), bbox.left + bbox.width);
      if (right >= bbox.left) {
        ctx.fillRect(left, bbox.top, Math.max(right - left, 3), bbox.height);
      }
    }
    ctx.restore();
  };

  const chartOptions = (chart, width, spans) => {
    const axis = {
      stroke: cssColor("--soft"),
      font: "13px system-ui, sans-serif",
      grid: { stroke: cssColor("--edge"), width: 1 },
      ticks: { stroke: cssColor("--edge"), width: 1 },
    };
    const colors = ["--chart-1", "--chart-2", "--chart-3", "--chart-4"].map(cssColor);
    const dashes = [[], [8, 4], [3, 3], [10, 3, 3, 3]];
    return {
      width,
      height: HEIGHT_PX,
      cursor: { drag: { x: false, y: false } },
      hooks: { drawClear: [shadeThrottled(spans)] },
      scales: { y: { range: (_, low, high) => [Math.min(low, 0), high > 0 ? high * 1.1 : 1] } },
      axes: [
        { ...axis, incrs: TICK_STEPS_S, values: (_, times) => times.map(formatTime) },
        { ...axis, size: 52, values: (_, values) => values.map((value) => `${value}`) },
      ],
      series: [
        {
          label: charts.dataset.time,
          value: (_, time) => (time === null ? "–" : formatTime(time)),
        },
        ...chart.series.map((series, index) => ({
          label: series.label,
          stroke: colors[index],
          dash: dashes[index],
          width: 2,
          points: { show: false },
          value: (_, value) => (value === null ? "–" : `${formatValue(value)} ${chart.unit}`),
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
      const emptyMessage = document.createElement("p");
      emptyMessage.className = "soft";
      emptyMessage.textContent = charts.dataset.none;
      charts.append(emptyMessage);
      return;
    }
    for (const chart of data.charts) {
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      const title = document.createElement("strong");
      title.textContent = `${chart.title} (${chart.unit})`;
      const summaryElement = document.createElement("span");
      summaryElement.textContent = summary(chart);
      caption.append(title, summaryElement);
      figure.append(caption);
      charts.append(figure);
    }
    if (data.throttled.length > 0) {
      charts.append(throttledLine(data.throttled));
    }
    if (!window.uPlot) {
      return; // without uPlot only the captions with the numbers are shown
    }
    data.charts.forEach((chart, index) => {
      const figure = charts.children[index]; // has its final width now that all figures exist
      const columns = [data.times, ...chart.series.map((series) => series.values)];
      const options = chartOptions(chart, figure.clientWidth, data.throttled);
      const plot = new window.uPlot(options, columns, figure);
      plot.root.setAttribute("role", "img");
      plot.root.setAttribute("aria-label", `${chart.title}: ${summary(chart)}`);
      plots.push(plot);
    });
  };

  const load = async () => {
    try {
      const response = await fetch(`${charts.dataset.url}?hours=${selectedHours}`, {
        headers: { Accept: "application/json", "X-Lectern-Live": "1" },
      });
      if (response.status === 401) {
        window.location.reload();
      } else if (response.ok) {
        draw(await response.json());
      }
    } catch {
      // Keep the current charts; the next interval tries again.
    }
  };

  hours.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button !== null) {
      selectedHours = Number(button.dataset.hours);
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
        plot.setSize({ width: plot.root.parentElement.clientWidth, height: HEIGHT_PX });
      }
    }
  }).observe(charts);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", load);
  window.setInterval(() => {
    if (!document.hidden && charts.querySelector(":hover") === null) {
      load();
    }
  }, RELOAD_MS);
  load();
})();

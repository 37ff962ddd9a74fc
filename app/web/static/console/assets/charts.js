// The charts over time, drawn by uPlot in the page's own colours.

const HEIGHT = 190;
const WHOLE = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));
const DRAWINGS = {
  "chart-live": {
    whole: true,
    series: [{ label: "connections", colour: "--ember", fill: "--ember-tint" }],
    values: (moments) => [moments.map((moment) => moment.liveConnections)],
  },
  "chart-least": {
    unit: " s",
    series: [
      { label: "least left", colour: "--look", fill: "--look-tint" },
      { label: "half a life", colour: "--edge", dash: [4, 4] },
    ],
    values: (moments, picture) => [
      moments.map((moment) => moment.leastSecondsLeft),
      moments.map(() => picture.tokenLifeSeconds / 2),
    ],
  },
  "chart-rate": {
    unit: " /s",
    series: [
      { label: "renewals", colour: "--good", fill: "--good-tint" },
      { label: "failed attempts", colour: "--bad" },
    ],
    values: (moments) => [
      moments.map((moment) => moment.renewalsPerSecond),
      moments.map((moment) => moment.failuresPerSecond),
    ],
  },
};

const charts = new Map();
let latest = null;

export function drawCharts(picture) {
  latest = picture;
  const times = picture.moments.map((moment) => Date.parse(moment.at) / 1_000);
  for (const [id, drawing] of Object.entries(DRAWINGS)) {
    const data = [times, ...drawing.values(picture.moments, picture)];
    const chart = charts.get(id);
    if (chart === undefined) {
      charts.set(id, begin(id, drawing, data));
    } else {
      chart.setData(data);
    }
    tellTheLatest(charts.get(id));
  }
}

function begin(id, drawing, data) {
  const place = document.getElementById(id);
  return new globalThis.uPlot(options(drawing, place.clientWidth), data, place);
}

/** What stands below a chart, unless somebody points at another moment. */
function tellTheLatest(chart) {
  const last = chart.data[0].length - 1;
  if (last >= 0 && (chart.cursor.idx ?? null) === null) {
    chart.setLegend({ idx: last });
  }
}

function options({ series, unit = "", whole = false }, width) {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const shown = (value) => (value === null ? "–" : `${round(value)}${unit}`);
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  return {
    width,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    hooks: { setCursor: [tellTheLatest] },
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most ?? 1) * 1.15] } },
    axes: [
      { ...axis, values: (_, times) => times.map((time) => clock(time)), space: 84, size: 34 },
      {
        ...axis,
        values: (_, marks) => marks.map((mark) => `${mark.toLocaleString("en")}${unit}`),
        incrs: whole ? WHOLE : undefined,
        size: 64,
      },
    ],
    series: [
      { label: "at", value: (_, time) => (time === null ? "–" : clock(time)) },
      ...series.map((one) => ({
        label: one.label,
        stroke: colour(one.colour),
        fill: one.fill && colour(one.fill),
        dash: one.dash,
        width: 2,
        points: { show: false },
        value: (_, value) => shown(value),
      })),
    ],
  };
}

function clock(time) {
  return new Date(time * 1_000).toLocaleTimeString("en", { hourCycle: "h23" });
}

function round(value) {
  return Number(value.toFixed(value < 10 ? 1 : 0)).toLocaleString("en");
}

function drawAnew() {
  for (const chart of charts.values()) {
    chart.destroy();
  }
  charts.clear();
  if (latest !== null) {
    drawCharts(latest);
  }
}

new ResizeObserver(() => {
  for (const [id, chart] of charts) {
    chart.setSize({ width: document.getElementById(id).clientWidth, height: HEIGHT });
  }
}).observe(document.getElementById("picture"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAnew);

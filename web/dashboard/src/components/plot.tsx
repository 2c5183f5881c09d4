import { useEffect, useRef, useSyncExternalStore } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatTime, type Zone } from "../lib/format.ts";
import { usePreferences } from "../lib/preferences.tsx";
import type { ChartProps } from "./chart.tsx";

const HEIGHT = 180;
/** How many colours the style sheet has for lines. */
const COLOURS = 8;

const scheme = matchMedia("(prefers-color-scheme: dark)");

function subscribeToScheme(changed: () => void) {
  scheme.addEventListener("change", changed);
  return () => scheme.removeEventListener("change", changed);
}

type Figures = Pick<ChartProps, "data" | "format" | "marks"> & { onZoom: ChartProps["onZoom"] | undefined };

/** Draws a chart on a canvas. */
export default function Plot({ title, data, format, marks = [], onZoom }: ChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const latest = useRef<Figures>({ data, format, marks, onZoom });
  latest.current = { data, format, marks, onZoom };
  const { zone, theme } = usePreferences();
  const isDark = useSyncExternalStore(subscribeToScheme, () => scheme.matches);
  const labels = data.series.map((series) => series.label).join("\n");

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new chart for other lines, colours or another zone
  useEffect(() => {
    const element = frame.current;
    if (!element) {
      return;
    }
    const chart = new uPlot(
      options(element, zone, () => latest.current),
      aligned(latest.current.data),
      element,
    );
    plot.current = chart;
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = undefined;
    };
  }, [labels, zone, theme, isDark]);

  useEffect(() => plot.current?.setData(aligned(data)), [data]);

  return (
    <div
      className="plot"
      role="img"
      aria-label={`Chart: ${title}. The table below has the same figures.`}
      ref={frame}
    />
  );
}

type Latest = () => Figures;

/** Returns a colour of the style sheet as a canvas understands it. */
function resolvedColour(element: HTMLElement, name: string): string {
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = "";
  return color;
}

function aligned(data: ChartProps["data"]): uPlot.AlignedData {
  return [data.times, ...data.series.map((series) => series.values)];
}

function options(element: HTMLElement, zone: Zone, latest: Latest): uPlot.Options {
  const colour = (name: string) => resolvedColour(element, name);
  const [text, line] = [colour("--muted"), colour("--line")];
  const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    tzDate: (seconds) =>
      zone === "utc" ? uPlot.tzDate(new Date(seconds * 1000), "UTC") : new Date(seconds * 1000),
    legend: { live: true },
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
    scales: { y: { range: (_chart, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      { ...axis, values: TIME_VALUES },
      { ...axis, size: 64, values: (_chart, values) => values.map((value) => latest().format(value)) },
    ],
    series: [
      { value: (_chart, value) => (value === null ? "" : formatTime(value * 1000, zone)) },
      ...latest().data.series.map(({ label }, index) => ({
        label,
        stroke: colour(`--chart-${(index % COLOURS) + 1}`),
        width: 1.5,
        // Beyond the colours, lines are dashed.
        ...(index >= COLOURS ? { dash: [6, 3] } : {}),
        points: { size: 4 },
        value: (_chart: uPlot, value: number | null) => (value === null ? "–" : latest().format(value)),
      })),
    ],
    hooks: {
      setSelect: [
        (chart) => {
          const { left, width } = chart.select;
          if (width > 3) {
            latest().onZoom?.(chart.posToVal(left, "x"), chart.posToVal(left + width, "x"));
            chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          }
        },
      ],
      draw: [(chart) => drawMarks(chart, latest().marks ?? [], text)],
    },
  };
}

/** 24 hours, and dates in the order of ISO 8601. */
const TIME_VALUES: uPlot.Axis.DynamicValues | (string | number | null)[][] = [
  [86_400, "{YYYY}-{MM}-{DD}", null, null, null, null, null, null, 1],
  [3600, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
];

function drawMarks(chart: uPlot, marks: { at: number; label: string }[], colour: string) {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.fillStyle = colour;
  ctx.textAlign = "left";
  ctx.font = `${Math.round(11 * devicePixelRatio)}px system-ui, sans-serif`;
  ctx.setLineDash([4, 4]);
  for (const [index, { at, label }] of marks.entries()) {
    const x = Math.round(chart.valToPos(at, "x", true));
    if (x >= bbox.left && x <= bbox.left + bbox.width) {
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      // Processes that start together have their names below each other.
      ctx.fillText(label, x + 4, bbox.top + (1 + (index % 4)) * 14 * devicePixelRatio);
    }
  }
  ctx.restore();
}

/** Figures over time. */

import type { ChartData } from "../lib/chart-data.ts";
import { type Query, send } from "./client.ts";

export interface Statistics {
  from: string;
  to: string;
  step: Step;
  series: { by: string; points: Point[] }[];
}

interface Point {
  at: string;
  n: number;
  p50Ms?: number | null;
  p95Ms?: number | null;
}

export type Step = "1m" | "1h" | "1d";

/** Figures are saved every 10 s. */
const SAVED_AFTER_SECONDS = 10;

const STEP_SECONDS: Record<Step, number> = { "1m": 60, "1h": 3600, "1d": 86_400 };

/** A period: relative to now, or between two times in RFC 3339. */
export interface Period {
  from: string;
  to: string;
}

/** Returns the length of a period in seconds. */
function length({ from, to }: Period): number {
  const relative = /^-(\d+)([mhd])$/.exec(from);
  if (relative?.[1] && relative[2]) {
    return Number(relative[1]) * { m: 60, h: 3600, d: 86_400 }[relative[2] as "m" | "h" | "d"];
  }
  return (new Date(to).getTime() - new Date(from).getTime()) / 1000;
}

/** Returns the step that shows enough, but at most 1440 points. */
export function stepFor(period: Period): Step {
  const seconds = length(period);
  if (seconds <= 86_400) {
    return "1m";
  }
  return seconds <= 40 * 86_400 ? "1h" : "1d";
}

/** How often to load a period again, in seconds: longer periods have more points and change less. */
export function refreshSeconds(period: Period): number {
  const hours = length(period) / 3600;
  if (hours <= 1) {
    return 10;
  }
  return hours <= 6 ? 30 : 120;
}

export function statisticsQuery(period: Period, query: Query): Query {
  return { ...period, step: stepFor(period), ...query };
}

export function loadStatistics(query: Query, signal: AbortSignal): Promise<Statistics> {
  return send<Statistics>("GET", "/api/stats", { query, signal });
}

function chart(
  statistics: Statistics,
  lines: { label: string; by: string; value: (point: Point) => number | null }[],
): ChartData {
  const all = statistics.series[0]?.points.map((point) => Date.parse(point.at) / 1000) ?? [];
  // The last step has not ended, or its figures are not saved yet: it would look like a fall.
  const complete = Date.now() / 1000 - SAVED_AFTER_SECONDS - STEP_SECONDS[statistics.step];
  const times = all.filter((time) => time <= complete);
  const series = lines.flatMap(({ label, by, value }) => {
    const found = statistics.series.find((one) => one.by === by);
    return found ? [{ label, values: found.points.slice(0, times.length).map(value) }] : [];
  });
  return { times, series };
}

/** Events per second, a line for each series. */
export function rates(statistics: Statistics, only?: readonly string[]): ChartData {
  const seconds = STEP_SECONDS[statistics.step];
  const names = only ?? statistics.series.map(({ by }) => by);
  return chart(
    statistics,
    names.map((by) => ({ label: by, by, value: (point: Point) => point.n / seconds })),
  );
}

/** The figures as they are, a line for each series. */
export function amounts(statistics: Statistics): ChartData {
  return chart(
    statistics,
    statistics.series.map(({ by }) => ({ label: by, by, value: (point: Point) => point.n })),
  );
}

/** How long recording and delivering took. */
export function durations(statistics: Statistics): ChartData {
  return chart(statistics, [
    { label: "delivered, p50", by: "delivered", value: (point) => point.p50Ms ?? null },
    { label: "delivered, p95", by: "delivered", value: (point) => point.p95Ms ?? null },
    { label: "recorded, p95", by: "recorded", value: (point) => point.p95Ms ?? null },
  ]);
}

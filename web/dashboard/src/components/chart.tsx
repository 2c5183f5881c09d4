/** A chart over time, with the same figures as a table. The library is loaded when the first chart is shown. */

import { lazy, type ReactNode, Suspense } from "react";
import type { ChartData } from "../lib/chart-data.ts";
import { formatTime } from "../lib/format.ts";
import { usePreferences } from "../lib/preferences.tsx";
import { TableFrame } from "./page.tsx";

export interface ChartProps {
  title: string;
  data: ChartData;
  format: (value: number) => string;
  /** Times in seconds at which to draw a vertical line, such as starts of a process. */
  marks?: { at: number; label: string }[];
  /** A choice beside the title. */
  choice?: ReactNode;
  /** Called with what was selected by dragging, in seconds. */
  onZoom?: (from: number, to: number) => void;
}

const Plot = lazy(() => import("./plot.tsx"));

const MAX_ROWS = 200;

export function Chart(props: ChartProps) {
  const { title, data, format, choice } = props;
  const isEmpty =
    data.series.every(({ values }) => values.every((value) => value === null)) || data.times.length === 0;
  return (
    <figure className="chart">
      <figcaption>
        {title}
        {choice}
      </figcaption>
      {isEmpty ? (
        <p className="chart-empty muted">Nothing was counted in this period.</p>
      ) : (
        <Suspense fallback={<div className="plot" />}>
          <Plot {...props} />
        </Suspense>
      )}
      {!isEmpty && (
        <details>
          <summary>Table</summary>
          <ChartTable title={title} data={data} format={format} />
        </details>
      )}
    </figure>
  );
}

function ChartTable({ title, data, format }: Pick<ChartProps, "title" | "data" | "format">) {
  const { zone } = usePreferences();
  // The newest first, without those where nothing happened.
  const rows = data.times
    .map((time, index) => ({ time, values: data.series.map((series) => series.values[index] ?? null) }))
    .filter(({ values }) => values.some((value) => value !== null && value !== 0))
    .reverse();
  return (
    <TableFrame label={`${title}, as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">{zone === "utc" ? "Time (UTC)" : "Time (local)"}</th>
            {data.series.map((series) => (
              <th scope="col" className="number" key={series.label}>
                {series.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MAX_ROWS).map(({ time, values }) => (
            <tr key={time}>
              <th scope="row">{formatTime(time * 1000, zone)}</th>
              {data.series.map((series, index) => (
                <td className="number" key={series.label}>
                  {values[index] === null || values[index] === undefined ? "–" : format(values[index])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MAX_ROWS && (
        <p className="muted">
          The {MAX_ROWS} newest rows of {rows.length}.
        </p>
      )}
    </TableFrame>
  );
}

import { useMemo, useState } from "react";
import type { Query } from "../../api/client.ts";
import type { Process } from "../../api/overview.ts";
import {
  amounts,
  durations,
  loadStatistics,
  type Period,
  rates,
  refreshSeconds,
  type Statistics,
  statisticsQuery,
} from "../../api/statistics.ts";
import { Chart } from "../../components/chart.tsx";
import { Loaded } from "../../components/feedback.tsx";
import type { ChartData } from "../../lib/chart-data.ts";
import { formatCount, formatDuration, formatRate } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";

interface ChartsProps {
  period: Period;
  select: (from: number, to: number) => void;
  processes: Process[];
}

const MEASURES = ["delivered", "accepted", "failed", "retried", "suppressed"];
const OUTCOMES = ["delivered", "failed", "suppressed", "expired", "refused", "accept_failed", "digested"];

export function Charts({ period, select, processes }: ChartsProps) {
  const [measure, setMeasure] = useState("delivered");
  const byChannel = useStatistics(period, { by: "channel", measure });
  const byOutcome = useStatistics(period, { by: "outcome" });
  const byQueue = useStatistics(period, { by: "queue" });
  const marks = useMemo(
    () => processes.map(({ program, startedAt }) => ({ at: Date.parse(startedAt) / 1000, label: program })),
    [processes],
  );
  const shared = { onZoom: select, marks };
  return (
    <div className="charts">
      <Loaded query={byChannel} what="The rates cannot be loaded.">
        {(data) => (
          <Converted statistics={data} convert={rates}>
            {(chart) => (
              <Chart
                title={`By channel: ${measure} per second`}
                data={chart}
                format={formatRate}
                choice={<MeasureChoice value={measure} onChange={setMeasure} />}
                {...shared}
              />
            )}
          </Converted>
        )}
      </Loaded>
      <Loaded query={byOutcome} what="The times cannot be loaded.">
        {(data) => (
          <Converted statistics={data} convert={durations}>
            {(chart) => (
              <Chart title="Time from acceptance" data={chart} format={formatDuration} {...shared} />
            )}
          </Converted>
        )}
      </Loaded>
      <Loaded query={byQueue} what="The queues cannot be loaded.">
        {(data) => (
          <Converted statistics={data} convert={amounts}>
            {(chart) => (
              <Chart title="Waiting messages, by queue" data={chart} format={formatCount} {...shared} />
            )}
          </Converted>
        )}
      </Loaded>
      <Loaded query={byOutcome} what="The outcomes cannot be loaded.">
        {(data) => (
          <Converted statistics={data} convert={outcomes}>
            {(chart) => <Chart title="Outcomes per second" data={chart} format={formatRate} {...shared} />}
          </Converted>
        )}
      </Loaded>
    </div>
  );
}

function MeasureChoice({ value, onChange }: { value: string; onChange: (measure: string) => void }) {
  return (
    <select
      aria-label="What is counted by channel"
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      {MEASURES.map((one) => (
        <option key={one}>{one}</option>
      ))}
    </select>
  );
}

const outcomes = (statistics: Statistics) => {
  const all = rates(statistics, OUTCOMES);
  // What never happened is left out, so that the lines can be told apart.
  return { ...all, series: all.series.filter(({ values }) => values.some((value) => value !== 0)) };
};

function useStatistics(period: Period, more: Query) {
  const query = statisticsQuery(period, more);
  return useLiveQuery({
    key: ["stats", query],
    load: (signal) => loadStatistics(query, signal),
    // What has ended does not change.
    every: period.to === "now" ? refreshSeconds(period) : 0,
  });
}

interface ConvertedProps {
  statistics: Statistics;
  convert: (statistics: Statistics) => ChartData;
  children: (chart: ChartData) => React.ReactNode;
}

/** Converts the figures once for each answer, and not for each time that the page is drawn. */
function Converted({ statistics, convert, children }: ConvertedProps) {
  return children(useMemo(() => convert(statistics), [statistics, convert]));
}

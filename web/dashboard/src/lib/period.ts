/** The period of the charts, in the address: one of a few that end now, or two times that were selected in a chart. */

import { useCallback, useMemo } from "react";
import type { Period } from "../api/statistics.ts";
import { useFilters } from "./filters.ts";

export const PERIODS = ["1h", "6h", "24h", "7d", "30d"] as const;
const NAMES = ["period", "chartFrom", "chartTo"] as const;

const MINUTE_MS = 60_000;

export function usePeriod() {
  const [{ period: name, chartFrom, chartTo }, change] = useFilters(NAMES);
  const known = PERIODS.find((one) => one === name) ?? "1h";
  const isSelected = chartFrom !== undefined && chartTo !== undefined;
  const period = useMemo<Period>(
    () => (chartFrom && chartTo ? { from: chartFrom, to: chartTo } : { from: `-${known}`, to: "now" }),
    [known, chartFrom, chartTo],
  );
  const select = useCallback(
    (from: number, to: number) => {
      const start = Math.floor((from * 1000) / MINUTE_MS) * MINUTE_MS;
      const end = Math.max(Math.ceil((to * 1000) / MINUTE_MS) * MINUTE_MS, start + 5 * MINUTE_MS);
      change({ chartFrom: new Date(start).toISOString(), chartTo: new Date(end).toISOString() });
    },
    [change],
  );
  const choose = useCallback(
    (next: string | undefined) => {
      change({ period: next === "1h" ? undefined : next, chartFrom: undefined, chartTo: undefined });
    },
    [change],
  );
  return { period, name: known, isSelected, select, choose };
}

import { Link } from "wouter";
import { linkTo } from "../lib/filters.ts";
import { PERIODS, type usePeriod } from "../lib/period.ts";
import { Time } from "./time.tsx";

type Props = ReturnType<typeof usePeriod> & {
  /** The list that shows the rows of a selected period. */
  rows: { text: string; path: string };
};

/** Chooses the period of the charts, or leaves the one that was selected in a chart. */
export function PeriodChoice({ period, name, isSelected, choose, rows }: Props) {
  return (
    <fieldset className="choice">
      <legend className="hidden">Period of the charts</legend>
      {PERIODS.map((one) => (
        <button
          type="button"
          key={one}
          aria-pressed={!isSelected && one === name}
          onClick={() => choose(one)}
        >
          {one}
        </button>
      ))}
      {isSelected && (
        <>
          <span>
            <Time at={period.from} /> to <Time at={period.to} />
          </span>
          <Link href={linkTo(rows.path, { from: period.from, to: period.to })}>{rows.text}</Link>
          <button type="button" onClick={() => choose(name)}>
            Reset zoom
          </button>
        </>
      )}
    </fieldset>
  );
}

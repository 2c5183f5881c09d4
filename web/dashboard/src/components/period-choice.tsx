import { PERIODS, type usePeriod } from "../lib/period.ts";
import { Time } from "./time.tsx";

/** Chooses the period of the charts, or leaves the one that was selected in a chart. */
export function PeriodChoice({ period, name, isSelected, choose }: ReturnType<typeof usePeriod>) {
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
          <button type="button" onClick={() => choose(name)}>
            Reset zoom
          </button>
        </>
      )}
    </fieldset>
  );
}

import { useNow } from "../components/time.tsx";
import { formatAgo, formatTime } from "../lib/format.ts";
import { useAnswers, useLive, useLoadNow } from "../lib/live.tsx";
import { usePreferences } from "../lib/preferences.tsx";

/** Whether the page loads its data by itself and whether the API answers, and how old the data are if not. */
export function LiveState() {
  const { isPaused, setPaused } = useLive();
  const loadNow = useLoadNow();
  const { zone } = usePreferences();
  const { state, lastAt } = useAnswers();
  const since = lastAt > 0 ? ` since ${formatTime(lastAt, zone).slice(11)}` : "";
  const trouble = { good: undefined, errors: `Errors${since}`, none: `No answer${since}` }[state];
  return (
    <>
      <button type="button" aria-pressed={isPaused} className="pause" onClick={() => setPaused(!isPaused)}>
        <span className={isPaused ? "dot paused" : trouble ? "dot failed" : "dot"} aria-hidden="true" />
        {isPaused ? "Paused" : (trouble ?? "Live")}
      </button>
      {isPaused && (
        <>
          {trouble ? <span className="bad">{trouble}</span> : <Age at={lastAt} />}
          <button type="button" className="quiet" title="Key: r" onClick={loadNow}>
            Load now
          </button>
        </>
      )}
    </>
  );
}

function Age({ at }: { at: number }) {
  const now = useNow(1);
  return at > 0 ? <span className="muted">Loaded {formatAgo(at, now)}</span> : null;
}

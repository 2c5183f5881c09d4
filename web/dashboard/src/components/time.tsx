import { useEffect, useState } from "react";
import { formatAge, formatAgo, formatTime, MISSING } from "../lib/format.ts";
import { usePreferences } from "../lib/preferences.tsx";

/** Returns the time, again and again. */
export function useNow(everySeconds = 10): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everySeconds * 1000);
    return () => clearInterval(timer);
  }, [everySeconds]);
  return now;
}

/** A time in the zone that the person has chosen, and how long ago it was. */
export function Time({ at, ago = false }: { at: string | null | undefined; ago?: boolean }) {
  const { zone } = usePreferences();
  const now = useNow(ago ? 5 : 60);
  if (!at) {
    return <>{MISSING}</>;
  }
  const full = `${formatTime(at, zone)} ${zone === "utc" ? "UTC" : "local time"}`;
  const relative = formatAgo(at, now);
  return (
    <time dateTime={at} title={ago ? full : relative}>
      {ago ? relative : formatTime(at, zone)}
    </time>
  );
}

/** A minute of the day. Its zone is shown unless a text beside it names the zone. */
export function Minute({ at, isShort = false }: { at: string; isShort?: boolean }) {
  const { zone } = usePreferences();
  const full = `${formatTime(at, zone)} ${zone === "utc" ? "UTC" : "local time"}`;
  return (
    <time dateTime={at} title={full}>
      {formatTime(at, zone).slice(11, 16)}
      {zone === "utc" && !isShort && " UTC"}
    </time>
  );
}

/** For how long something has been so: `for 37 min`. */
export function For({ since }: { since: string }) {
  const { zone } = usePreferences();
  const now = useNow(5);
  const full = `since ${formatTime(since, zone)} ${zone === "utc" ? "UTC" : "local time"}`;
  return (
    <time dateTime={since} title={full}>
      for {formatAge(since, now)}
    </time>
  );
}

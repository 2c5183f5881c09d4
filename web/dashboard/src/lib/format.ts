/** Numbers, durations and times as text. */

const whole = new Intl.NumberFormat("en-GB");
const oneDigit = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 });
const fraction = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 2 });
const percent = new Intl.NumberFormat("en-GB", { style: "percent", maximumFractionDigits: 2 });

export const MISSING = "–";

export function formatCount(value: number | null | undefined): string {
  return value === null || value === undefined ? MISSING : whole.format(value);
}

/** A rate per second. */
export function formatRate(value: number | null | undefined): string {
  if (value === null || value === undefined) {
    return MISSING;
  }
  if (value > 0 && value < 1) {
    return value < 0.001 ? "<\u202f0.001" : fraction.format(value);
  }
  return oneDigit.format(value);
}

export function formatRatio(value: number | null | undefined): string {
  return value === null || value === undefined ? MISSING : percent.format(value);
}

/** A duration in milliseconds, such as `240 ms`, `1.2 s`, `3 min 20 s` or `2 h 5 min`. */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) {
    return MISSING;
  }
  if (ms < 1000) {
    return `${Math.round(ms)} ms`;
  }
  const seconds = ms / 1000;
  if (seconds < 60) {
    return `${oneDigit.format(seconds)} s`;
  }
  const rounded = Math.round(seconds);
  const [days, hours, minutes] = [86_400, 3600, 60].map((unit) => Math.floor(rounded / unit)) as [
    number,
    number,
    number,
  ];
  if (minutes < 60) {
    return joined([minutes, "min"], [rounded % 60, "s"]);
  }
  return hours < 24 ? joined([hours, "h"], [minutes % 60, "min"]) : joined([days, "d"], [hours % 24, "h"]);
}

/** Returns the time since then, such as `5 s`, `37 min` or `2 h 5 min`. */
export function formatAge(at: string | number | Date, now: number): string {
  return roughly(now - new Date(at).getTime());
}

/** A duration without the seconds of a minute. */
function roughly(ms: number): string {
  const seconds = Math.max(1, Math.round(Math.abs(ms) / 1000));
  return formatDuration((seconds < 60 ? seconds : seconds - (seconds % 60)) * 1000);
}

function joined(...parts: [number, string][]): string {
  const shown = parts.filter(([value], index) => index === 0 || value > 0);
  return shown.map(([value, unit]) => `${value} ${unit}`).join(" ");
}

export type Zone = "utc" | "local";

/** Returns a time as `2026-11-28 15:44:04`, in UTC or in the zone of the browser. */
export function formatTime(at: string | number | Date, zone: Zone): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) {
    return String(at);
  }
  const shifted = zone === "utc" ? date : new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19).replace("T", " ");
}

/** Returns how long ago a time was, or in what time it will be. */
export function formatAgo(at: string | number | Date, now: number): string {
  const ms = now - new Date(at).getTime();
  const text = roughly(ms);
  return ms < -1500 ? `in ${text}` : `${text} ago`;
}

/** Returns `1 dead letter` or `241 dead letters`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${whole.format(count)} ${count === 1 ? one : many}`;
}

/** Returns a code such as `provider_failed` as words. */
export function words(code: string): string {
  return code.replaceAll("_", " ");
}

/** What an error says. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { words } from "../lib/format.ts";

type Tone = "good" | "bad" | "warning" | "neutral" | "active";

const TONES: Record<string, Tone> = {
  processed: "good",
  delivered: "good",
  done: "good",
  running: "good",
  delivering: "good",
  enabled: "good",
  active: "good",
  failed: "bad",
  rejected: "bad",
  gone: "bad",
  credentials_refused: "bad",
  away: "bad",
  no_worker: "bad",
  unknown: "warning",
  throttled: "warning",
  retrying: "warning",
  stopped: "warning",
  disabled: "warning",
  paused: "warning",
  deferred: "warning",
  aborted: "warning",
  pending: "active",
  scheduled: "active",
  sending: "active",
};

/** A status as a word. The colour repeats what the word says. */
export function Status({ value, label }: { value: string; label?: string }) {
  return <span className={`status ${TONES[value] ?? "neutral"}`}>{label ?? words(value)}</span>;
}

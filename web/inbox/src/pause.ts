/** How long the live connection waits before it connects again. */

/** The longest pause between two connections. */
const MAX_PAUSE_MS = 60_000;
/** An API without a stream is asked again after this time. */
const MISSING_PAUSE_MS = 600_000;

/** What the API has answered instead of a stream. */
interface Refusal {
  status: number;
  retryAfter: number | undefined;
}

/** Returns the pause. `failures` counts connections in a row without any data; `retry` is what the API has asked for. */
export function pauseBefore(
  failures: number,
  retry: number,
  refusal: Refusal | undefined,
  random: number,
): number {
  if (refusal?.status === 404) {
    return MISSING_PAUSE_MS;
  }
  if (failures === 0) {
    return retry;
  }
  const doubled = Math.min(MAX_PAUSE_MS, retry * 2 ** Math.min(failures, 6));
  // From half of it on: clients must not come back together.
  return Math.max(refusal?.retryAfter ?? 0, doubled * (0.5 + random / 2));
}

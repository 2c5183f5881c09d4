/** Whether the API answers what a page asks for. */

import { ApiError } from "../api/client.ts";

/** What is known about one request that is made again and again. */
interface Asked {
  /** When its last answer came, in milliseconds; 0 if there was none. */
  dataUpdatedAt: number;
  error: unknown;
  /** Why the attempt before this one failed, while it is made again. */
  fetchFailureReason: unknown;
}

export interface Answers {
  /** `none`: the API cannot be reached. `errors`: it answers that something does not work. */
  state: "good" | "errors" | "none";
  /** When the last answer came, in milliseconds; 0 if there was none. */
  lastAt: number;
}

/** An answer that a request is wrong, or not allowed, says nothing about the API. */
function failure({ error, fetchFailureReason }: Asked): "errors" | "none" | undefined {
  const reason = fetchFailureReason ?? error;
  if (reason === null || reason === undefined) {
    return undefined;
  }
  if (!(reason instanceof ApiError)) {
    return "errors";
  }
  return reason.status === 0 ? "none" : reason.status >= 500 ? "errors" : undefined;
}

export function answersOf(asked: readonly Asked[]): Answers {
  const failures = asked.map(failure);
  const state = failures.includes("none") ? "none" : failures.includes("errors") ? "errors" : "good";
  // Of what fails, since it fails; otherwise of what came last.
  const relevant = state === "errors" ? asked.filter((_, index) => failures[index] === "errors") : asked;
  return { state, lastAt: Math.max(0, ...relevant.map(({ dataUpdatedAt }) => dataUpdatedAt)) };
}

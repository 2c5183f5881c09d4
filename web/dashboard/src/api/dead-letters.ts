/** Dead letters, and the jobs that replay and discard them. */

import { type Query, send } from "./client.ts";
import type { DeadLetterGroups, DeadLetterPage, DryRun, Job, JobPage } from "./types.gen.ts";

export interface DeadLetterFilter {
  reason?: string | undefined;
  channel?: string | undefined;
  provider?: string | undefined;
  endpointId?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  ids?: string[];
}

/** Codes of failures, to choose from. There may be others. */
export const REASONS = [
  "provider_failed",
  "rejected_by_provider",
  "outcome_unknown",
  "credentials_refused",
  "destination_away",
  "attempts_used_up",
  "no_recipient",
  "address_gone",
  "template_error",
  "template_missing",
  "invalid_payload",
  "unknown_user",
  "unknown_category",
  "undecodable",
  "unrouted",
  "row_missing",
] as const;

/** Dead letters a second: what a job has without a choice, and the most that the API accepts. */
export const DEFAULT_RATE = 100;
export const MAX_RATE = 1000;

export type BulkKind = "replay" | "purge";

/** Returns the filter of a request: that of all dead letters if there is no condition. */
export function filterBody(filter: DeadLetterFilter): DeadLetterFilter | { all: true } {
  return isEmpty(filter) ? { all: true } : filter;
}

export function isEmpty(filter: DeadLetterFilter): boolean {
  return Object.values(filter).every((value) => value === undefined || value.length === 0);
}

export function loadGroups(query: Query, signal: AbortSignal): Promise<DeadLetterGroups> {
  return send("GET", "/api/dead-letters/groups", { query, signal });
}

export function loadDeadLetters(query: Query, signal: AbortSignal): Promise<DeadLetterPage> {
  return send("GET", "/api/dead-letters", { query, signal });
}

export function dryRun(kind: BulkKind, filter: DeadLetterFilter, signal: AbortSignal): Promise<DryRun> {
  return send("POST", `/api/dead-letters/${kind}`, {
    body: { filter: filterBody(filter), dryRun: true },
    signal,
  });
}

export function startJob(kind: BulkKind, filter: DeadLetterFilter, ratePerSecond: number): Promise<Job> {
  return send("POST", `/api/dead-letters/${kind}`, { body: { filter: filterBody(filter), ratePerSecond } });
}

export function loadJobs(query: Query, signal: AbortSignal): Promise<JobPage> {
  return send("GET", "/api/jobs", { query, signal });
}

export function loadJob(id: string, signal: AbortSignal): Promise<Job> {
  return send("GET", `/api/jobs/${id}`, { signal });
}

/** The filters in the addresses of pages, and the values of those that have few. What leads to a page uses no others. */

import { CHANNELS, FILTER_NAMES, STATUSES } from "../api/notifications.ts";

export const PAGE_FILTERS = {
  "/": ["period", "chartFrom", "chartTo"],
  "/notifications": FILTER_NAMES,
  "/dead-letters": ["id", "reason", "channel", "provider", "endpointId", "from", "to", "cursor"],
  "/jobs": ["id", "state", "cursor"],
  "/endpoints": ["id", "userId", "state", "cursor"],
  "/schedules": ["state", "cursor"],
  "/system": [],
} as const;

export const JOB_STATES = [
  "pending",
  "running",
  "paused",
  "aborted",
  "done",
  ["without_process", "waits for a worker"],
  ["failing", "cannot go on"],
] as const;

export const ENDPOINT_STATES = [
  "enabled",
  "disabled",
  ["disabled_by_tidings", "disabled by Tidings"],
  ["away", "host is away"],
] as const;

export const SCHEDULE_STATES = ["active", "paused", "failed"] as const;

type Option = string | readonly [string, string];

/** The values of filters that take no others. */
export const FILTER_VALUES: Record<string, Record<string, readonly Option[]>> = {
  "/notifications": { status: STATUSES, channel: CHANNELS },
  "/jobs": { state: JOB_STATES },
  "/endpoints": { state: ENDPOINT_STATES },
  "/schedules": { state: SCHEDULE_STATES },
};

/** Recorded notifications. */

import type { Filters } from "../lib/filters.ts";
import { type Query, send } from "./client.ts";
import type { Notification, NotificationPage } from "./types.gen.ts";

export const STATUSES = [
  "scheduled",
  "pending",
  "retrying",
  "processed",
  "failed",
  "cancelled",
  "expired",
  "suppressed",
  "digested",
] as const;

export const CHANNELS = ["email", "sms", "push", "webhook", "in-app"] as const;

/** The names of the filters in the address of the page. */
export const FILTER_NAMES = [
  "status",
  "channel",
  "user",
  "category",
  "template",
  "host",
  "reason",
  "from",
  "to",
  "endedFrom",
  "endedTo",
  "reference",
  "sender",
  "id",
  "cursor",
] as const;

export type NotificationFilters = Filters<(typeof FILTER_NAMES)[number]>;

/** Returns the query of the API for the filters of the page. */
export function notificationQuery(filters: NotificationFilters): Query {
  return {
    status: filters.status,
    type: filters.channel,
    targetUserId: filters.user,
    category: filters.category,
    template: filters.template,
    host: filters.host,
    reason: filters.reason,
    createdFrom: filters.from,
    createdTo: filters.to,
    endedFrom: filters.endedFrom,
    endedTo: filters.endedTo,
    reference: filters.reference,
    sender: filters.sender,
    messageId: filters.id,
    cursor: filters.cursor,
  };
}

export function loadNotifications(
  filters: NotificationFilters,
  signal: AbortSignal,
): Promise<NotificationPage> {
  return send("GET", "/api/notifications", { query: notificationQuery(filters), signal });
}

/** Whether a notification can still be cancelled. */
export function isCancellable({ status }: Pick<Notification, "status">): boolean {
  return status === "scheduled" || status === "pending" || status === "retrying";
}

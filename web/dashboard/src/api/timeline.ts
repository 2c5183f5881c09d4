/** What has happened to a notification, and what happens next. */

import type { NotificationTemplate } from "./types.gen.ts";

export interface NotificationTimeline {
  messageId: string;
  targetUserId?: string | null;
  type: string;
  status: string;
  category?: string | null;
  sender?: string | null;
  group?: string | null;
  template?: NotificationTemplate | null;
  retriesAttempted: number;
  /** `code`: `wait`, `queued`, `sending`, `stopped`, `deferred`, `retry`, `dead_letter`, `end` or `unknown`. */
  next: { code: string; text: string; at?: string | null };
  /** Oldest first. */
  steps: Step[];
  attemptsNextCursor?: string | null;
}

export interface Step {
  /** `accepted`, `recorded`, `held`, `attempt`, `replayed`, `read`, or the status at the end. */
  code: string;
  at?: string | null;
  until?: string | null;
  reason?: string | null;
  error?: string | null;
  attempt?: StepAttempt | null;
}

export interface StepAttempt {
  waitedMs: number;
  /** Masked. */
  address?: string | null;
  attempt: number;
  provider: string;
  startedAt: string;
  durationMs?: number | null;
  outcome: string;
  providerReference?: string | null;
  error?: string | null;
  repetitions?: number;
  lastRepeatedAt?: string | null;
  template?: { name: string; locale: string; version: number } | null;
  contactId?: string | null;
}

export interface RevealedPayload {
  messageId: string;
  payload?: unknown;
  payloadHidden: boolean;
  payloadRemovedAt?: string | null;
  template?: NotificationTemplate | null;
}

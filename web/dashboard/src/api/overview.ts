/** What the overview shows. */

export type Severity = "error" | "warning" | "info";

export interface Problem {
  code: string;
  severity: Severity;
  message: string;
  channel?: string | null;
  /** A page, relative to `/dashboard`. */
  link: string;
  count?: number | null;
  since?: string | null;
}

export interface ChannelOverview {
  channel: string;
  /** `delivering`, `paused`, `away`, `stopped`, `no_worker` or `unknown`. */
  state: string;
  provider?: string | null;
  since?: string | null;
  reason?: string | null;
  destinationsAway?: number | null;
  depth?: number | null;
  consumers?: number | null;
  workers?: number;
  stopped: boolean;
}

export interface Rung {
  rung: number;
  delayMs: number;
  messages?: number | null;
}

export interface Process {
  program: string;
  version: string;
  stages: string[];
  startedAt: string;
  seenAt: string;
}

export interface Overview {
  at: string;
  problems: Problem[];
  rates?: { acceptedPerSecond: number; deliveredPerSecond: number; failedPerSecond: number } | null;
  waiting?: number | null;
  oldestWaitingSeconds?: number | null;
  deadLetters?: number | null;
  deadLettersCapped?: boolean;
  deadLetters24h?: number | null;
  deadLetters24hCapped?: boolean;
  successRatio?: number | null;
  acceptedToDelivered: { p50Ms?: number | null; p95Ms?: number | null };
  channels: ChannelOverview[];
  ladder: Rung[];
  processes?: Process[];
}

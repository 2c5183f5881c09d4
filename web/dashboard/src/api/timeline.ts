/** What has happened to a notification, and what happens next. */

export type {
  NotificationTimeline,
  Payload as RevealedPayload,
  TimelineAttempt as StepAttempt,
  TimelineStep as Step,
} from "./types.gen.ts";

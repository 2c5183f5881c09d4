import type { ReactNode } from "react";
import type { Step, StepAttempt } from "../../api/timeline.ts";
import { Status } from "../../components/status.tsx";
import { Time } from "../../components/time.tsx";
import { counted, formatDuration, words } from "../../lib/format.ts";

/** Everything that has happened to a notification, oldest first. */
export function Steps({ steps }: { steps: Step[] }) {
  return (
    <ol className="timeline">
      {steps.map((step, index) =>
        step.attempt ? (
          <AttemptEntry key={stepKey(step, index)} attempt={step.attempt} />
        ) : (
          <Entry key={stepKey(step, index)} at={step.at} title={titleOf(step)} tone={TONES[step.code]}>
            {step.until && (
              <p>
                until <Time at={step.until} />
              </p>
            )}
            {step.reason && !step.error && <p>{words(step.reason)}</p>}
            {step.error && <p className="text">{step.error}</p>}
          </Entry>
        ),
      )}
    </ol>
  );
}

/** Steps are only added at the end. */
const stepKey = (step: Step, index: number) => `${index} ${step.code}`;

type Tone = "good" | "bad" | "warning";

const TONES: Record<string, Tone> = {
  processed: "good",
  failed: "bad",
  expired: "warning",
  suppressed: "warning",
  cancelled: "warning",
};

const TITLES: Record<string, string> = {
  accepted: "Accepted",
  recorded: "Recorded",
  held: "Held",
  replayed: "Replayed",
  read: "Read by the user",
  processed: "Delivered",
  failed: "Failed: dead letter",
  digested: "Sent as a part of a digest",
};

function titleOf({ code }: Step): string {
  const text = words(code);
  return TITLES[code] ?? text.charAt(0).toUpperCase() + text.slice(1);
}

interface EntryProps {
  at: string | null | undefined;
  title: ReactNode;
  tone?: Tone | undefined;
  children?: ReactNode;
}

function Entry({ at, title, tone, children }: EntryProps) {
  return (
    <li className={tone}>
      <span className="when">{at && <Time at={at} />}</span>
      <div>
        <strong>{title}</strong>
        {children}
      </div>
    </li>
  );
}

const BAD = new Set(["failed", "rejected", "gone", "credentials_refused"]);
const WARNING = new Set(["unknown", "throttled", "deferred", "not_sent"]);

function AttemptEntry({ attempt }: { attempt: StepAttempt }) {
  const {
    outcome,
    provider,
    address,
    waitedMs,
    durationMs,
    error,
    template,
    providerReference,
    repetitions,
  } = attempt;
  const tone = BAD.has(outcome) ? "bad" : WARNING.has(outcome) ? "warning" : "good";
  return (
    <Entry
      at={attempt.startedAt}
      tone={tone}
      title={
        <>
          Attempt {attempt.attempt + 1} by {provider}
          {address && ` to ${address}`}: <Status value={outcome} />
        </>
      }
    >
      <p className="muted">
        waited {formatDuration(waitedMs)}
        {durationMs !== null && durationMs !== undefined && `, took ${formatDuration(durationMs)}`}
        {(repetitions ?? 0) > 0 && `, repeated ${counted(repetitions ?? 0, "time")}`}
        {template && `, template ${template.name} (${template.locale}) version ${template.version}`}
        {providerReference && (
          <>
            , reference <code>{providerReference}</code>
          </>
        )}
      </p>
      {error && <p className="text">{error}</p>}
    </Entry>
  );
}

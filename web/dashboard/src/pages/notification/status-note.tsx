import { Link } from "wouter";
import type { NotificationTimeline } from "../../api/timeline.ts";
import { Time } from "../../components/time.tsx";
import { linkTo } from "../../lib/filters.ts";

/** What happens next, and why it failed if it did. */
export function StatusNote({ timeline: { status, type, next, steps } }: { timeline: NotificationTimeline }) {
  const tone = status === "failed" ? "bad" : status === "processed" ? "good" : "";
  const failure = status === "failed" ? steps.findLast(({ code }) => code === "failed") : undefined;
  return (
    <div className={`note ${tone}`} role="status">
      <p>
        What happens next: {next.text}
        {next.at && (
          <>
            {" "}
            (<Time at={next.at} ago />)
          </>
        )}
      </p>
      {failure && (
        <>
          <p className="text">
            <strong>{failure.error ?? failure.reason}</strong>
          </p>
          <p>
            <Link href={linkTo("/dead-letters", { reason: failure.reason, channel: type })}>
              Show others that failed like this
            </Link>
          </p>
        </>
      )}
      {(next.code === "stopped" || next.code === "queued") && (
        <p>
          <Link href="/">See the channel in the overview</Link>
        </p>
      )}
    </div>
  );
}

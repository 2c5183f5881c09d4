import { Link } from "wouter";
import { OVERVIEW } from "../../api/overview.ts";
import type { NotificationTimeline } from "../../api/timeline.ts";
import { RemedyText } from "../../components/remedy.tsx";
import { Status } from "../../components/status.tsx";
import { Time } from "../../components/time.tsx";
import { linkTo } from "../../lib/filters.ts";
import { useLiveQuery } from "../../lib/live.tsx";

/** What happens next. If it failed: why, what to do, and whether its channel is delivered now. */
export function StatusNote({ timeline }: { timeline: NotificationTimeline }) {
  const { status, type, next, steps, targetUserId, template } = timeline;
  const overview = useLiveQuery({ ...OVERVIEW, every: 15 });
  const channel = overview.data?.channels.find((one) => one.channel === type);
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
          {failure.reason && (
            <p>
              <RemedyText
                reason={failure.reason}
                failed={{ channel: type, userId: targetUserId, template }}
              />
            </p>
          )}
          {channel && (
            <p>
              {type} now: <Status value={channel.state} />
              {channel.reason && ` (${channel.reason})`}
            </p>
          )}
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

import type { ReactNode } from "react";
import { Link } from "wouter";
import type { NotificationTimeline } from "../../api/timeline.ts";
import { Status } from "../../components/status.tsx";
import { linkTo } from "../../lib/filters.ts";

/** What a notification is. */
export function Facts({ timeline }: { timeline: NotificationTimeline }) {
  const { messageId, type, status, targetUserId, category, template, sender, group, traceId, traceUrl } =
    timeline;
  return (
    <dl className="facts wide">
      <Fact label="Status">
        <Status value={status} />
      </Fact>
      <Fact label="Message id">
        <code>{messageId}</code>
      </Fact>
      <Fact label="Channel">
        <Link href={linkTo("/notifications", { channel: type })}>{type}</Link>
      </Fact>
      <Fact label="User">
        {targetUserId ? (
          <Link href={`/users/${targetUserId}`}>
            <code>{targetUserId}</code>
          </Link>
        ) : (
          "none: the payload names the recipient"
        )}
      </Fact>
      {category && (
        <Fact label="Category">
          <Link href={linkTo("/notifications", { category })}>{category}</Link>
        </Fact>
      )}
      {template && (
        <Fact label="Template">
          <Link
            href={linkTo(`/templates/${encodeURIComponent(template.name)}`, {
              channel: type,
              locale: template.locale,
            })}
          >
            {template.name}
          </Link>
          {template.locale && ` (${template.locale})`}
        </Fact>
      )}
      {sender && (
        <Fact label="Sender">
          <Link href={linkTo("/notifications", { sender })}>{sender}</Link>
        </Fact>
      )}
      {group && <Fact label="Group">{group}</Fact>}
      {traceId && (
        <Fact label="Trace">
          {traceUrl ? (
            <a href={traceUrl} target="_blank" rel="noopener noreferrer">
              <code>{traceId}</code>
            </a>
          ) : (
            <code>{traceId}</code>
          )}
        </Fact>
      )}
    </dl>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

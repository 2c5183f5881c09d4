import { Link } from "wouter";
import { send } from "../../api/client.ts";
import type { InboxPageView } from "../../api/types.gen.ts";
import { Loaded } from "../../components/feedback.tsx";
import { Section } from "../../components/page.tsx";
import { Time } from "../../components/time.tsx";
import { useLiveQuery } from "../../lib/live.tsx";
import { useMay } from "../../session/session.tsx";

/** The in-app notifications as the user sees them. Their texts are payloads: only who may read those is shown them. */
export function UserInbox({ id }: { id: string }) {
  const mayRead = useMay("admin");
  const inbox = useLiveQuery({
    key: ["user", id, "inbox"],
    load: (signal) => send<InboxPageView>("GET", "/api/inbox", { query: { userId: id, limit: 10 }, signal }),
    every: 10,
    enabled: mayRead,
  });
  if (!mayRead) {
    return null;
  }
  return (
    <Section title="Inbox">
      <Loaded query={inbox} what="The inbox cannot be loaded.">
        {({ items }) =>
          items.length === 0 ? (
            <p className="muted">The inbox is empty.</p>
          ) : (
            <ul className="plain">
              {items.map(({ messageId, payload, createdAt, readAt }) => (
                <li key={messageId}>
                  <Link href={`/notifications/${messageId}`}>{titleOf(payload)}</Link>{" "}
                  <span className="muted">
                    <Time at={createdAt} ago />, {readAt ? "read" : "unread"}
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Section>
  );
}

function titleOf(payload: unknown): string {
  const title = (payload as { title?: unknown; message?: unknown } | null)?.title;
  return typeof title === "string" ? title : "(without a title)";
}

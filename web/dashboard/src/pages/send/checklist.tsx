import type { ReactNode } from "react";
import { Link } from "wouter";
import { send } from "../../api/client.ts";
import type { Overview } from "../../api/overview.ts";
import type { ApiKeyPage, NotificationPage, UserPage } from "../../api/types.gen.ts";
import { Section } from "../../components/page.tsx";
import { useLiveQuery } from "../../lib/live.tsx";

/** What a new installation still needs. It is gone once all is done. */
export function Checklist() {
  const one = { limit: 1 };
  const overview = useLiveQuery({
    key: ["overview"],
    load: (signal) => send<Overview>("GET", "/api/overview", { signal }),
    every: 10,
  });
  const users = useLiveQuery({
    key: ["checklist", "users"],
    load: (signal) => send<UserPage>("GET", "/api/users", { query: one, signal }),
    every: 10,
  });
  const sent = useLiveQuery({
    key: ["checklist", "sent"],
    load: (signal) => send<NotificationPage>("GET", "/api/notifications", { query: one, signal }),
    every: 10,
  });
  const keys = useLiveQuery({
    key: ["checklist", "keys"],
    load: (signal) => send<ApiKeyPage>("GET", "/api/keys", { query: one, signal }),
    every: 10,
  });
  if (!overview.data || !users.data || !sent.data || !keys.data) {
    return null;
  }
  const items: [boolean, ReactNode][] = [
    [
      overview.data.channels.some(({ provider }) => provider),
      <>
        A worker delivers a channel: set a provider, such as <code>EMAIL_PROVIDER</code>, and start a worker
      </>,
    ],
    [
      users.data.users.length > 0,
      <>
        There is a <Link href="/users">user</Link>
      </>,
    ],
    [
      keys.data.keys.length > 0,
      <>
        A program has an <Link href="/keys">API key</Link>
      </>,
    ],
    [sent.data.notifications.length > 0, "A notification was sent: use the form below"],
  ];
  if (items.every(([isDone]) => isDone)) {
    return null;
  }
  return (
    <Section title="First steps">
      <ol className="plain">
        {items.map(([isDone, text], index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the list is fixed
          <li key={index}>
            <span className={isDone ? "done" : "muted"}>{isDone ? "Done" : "To do"}</span> {text}
          </li>
        ))}
      </ol>
    </Section>
  );
}

import type { ReactNode } from "react";
import { Link } from "wouter";
import { send } from "../../api/client.ts";
import { OVERVIEW } from "../../api/overview.ts";
import type { ApiKeyPage, NotificationPage, UserPage } from "../../api/types.gen.ts";
import { Section } from "../../components/page.tsx";
import { useLiveQuery } from "../../lib/live.tsx";
import { useMay } from "../../session/session.tsx";

/** What a new installation still needs. It is gone once all is done. */
export function Checklist() {
  const maySend = useMay("notifications:send:any");
  const one = { limit: 1 };
  const overview = useLiveQuery({ ...OVERVIEW, every: 10 });
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
  const items: [boolean, string, ReactNode][] = [
    [
      overview.data.channels.some(({ provider }) => provider),
      "A worker delivers a channel",
      <>
        set a provider, such as <code>EMAIL_PROVIDER</code>, and start a worker
      </>,
    ],
    [
      users.data.users.length > 0,
      "There is a user",
      <>
        create one with <code>tidings users put</code> or the API: <Link href="/users">Users</Link>
      </>,
    ],
    [
      keys.data.keys.length > 0,
      "A program has an API key",
      <>
        create one for your program: <Link href="/keys">API keys</Link>
      </>,
    ],
    [
      sent.data.notifications.length > 0,
      "A notification was sent",
      <>
        with <code>POST /api/notifications</code>
        {maySend && (
          <>
            , or the form on the page <Link href="/send">Send</Link>
          </>
        )}
      </>,
    ],
  ];
  if (items.every(([isDone]) => isDone)) {
    return null;
  }
  return (
    <Section title="First steps">
      <ol className="plain">
        {items.map(([isDone, text, how]) => (
          <li key={text}>
            <span className={isDone ? "done" : "muted"}>{isDone ? "Done" : "To do"}</span> {text}
            {!isDone && <>: {how}</>}
          </li>
        ))}
      </ol>
    </Section>
  );
}

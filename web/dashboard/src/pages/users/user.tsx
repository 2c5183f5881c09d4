import { useState } from "react";
import { Link } from "wouter";
import { ApiError, send } from "../../api/client.ts";
import { loadNotifications } from "../../api/notifications.ts";
import type { User } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { Confirm } from "../../components/dialog.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { Page, Section } from "../../components/page.tsx";
import { Time } from "../../components/time.tsx";
import { useChange } from "../../lib/act.ts";
import { curl, tool } from "../../lib/commands.ts";
import { linkTo } from "../../lib/filters.ts";
import { MISSING } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { useMay } from "../../session/session.tsx";
import { NotificationTable } from "../notifications/table.tsx";
import { UserContacts } from "./contacts.tsx";
import { Deletion } from "./deletion.tsx";
import { EditUserDialog } from "./edit-user.tsx";
import { UserInbox } from "./inbox.tsx";
import { UserPreferences } from "./preferences.tsx";
import { QuietHours } from "./quiet-hours.tsx";

/** One user: profile, contacts, choices, and what was sent. */
export default function UserPage({ id }: { id: string }) {
  const mayWrite = useMay("users:write");
  // Contacts and preferences have no scope for reading alone.
  const mayReadContacts = useMay("contacts:write");
  const mayReadPreferences = useMay("preferences:write");
  const [action, setAction] = useState<"edit" | "delete">();
  const change = useChange(["user", id]);
  const path = `/api/users/${id}`;
  const user = useLiveQuery({
    key: ["user", id],
    load: (signal) => send<User>("GET", path, { signal }),
    every: 30,
  });
  const recent = useLiveQuery({
    key: ["notifications", "of-user", id],
    load: (signal) => loadNotifications({ user: id }, signal),
    every: 10,
  });
  const isMissing = user.error instanceof ApiError && user.error.status === 404;
  return (
    <Page
      title={user.data?.username ?? "User"}
      actions={
        user.data &&
        mayWrite && (
          <>
            <button type="button" onClick={() => setAction("edit")}>
              Edit…
            </button>
            <button type="button" onClick={() => setAction("delete")}>
              Delete…
            </button>
          </>
        )
      }
    >
      {isMissing ? (
        <Empty title="There is no such user">
          <p>The id is wrong, or the user was deleted.</p>
        </Empty>
      ) : (
        <Loaded query={user} what="The user cannot be loaded.">
          {(now) => (
            <>
              <Deletion id={id} name={now.username} />
              <Profile user={now} />
              {mayReadContacts && <UserContacts id={id} />}
              {mayReadPreferences && <UserPreferences id={id} />}
              {mayReadPreferences && <QuietHours id={id} />}
              <Section
                title="Recent notifications"
                actions={<Link href={linkTo("/notifications", { user: id })}>All notifications</Link>}
              >
                <Loaded query={recent} what="The notifications cannot be loaded.">
                  {({ notifications }) =>
                    notifications.length === 0 ? (
                      <p className="muted">Nothing was sent to this user.</p>
                    ) : (
                      <NotificationTable notifications={notifications.slice(0, 10)} />
                    )
                  }
                </Loaded>
              </Section>
              <UserInbox id={id} />
            </>
          )}
        </Loaded>
      )}
      {action === "edit" && user.data && (
        <EditUserDialog user={user.data} onClose={() => setAction(undefined)} />
      )}
      {action === "delete" && (
        <Confirm
          title={`Delete ${user.data?.username ?? id}?`}
          action="Delete the user"
          destroys
          typed={user.data?.username}
          run={() => change("The deletion is requested.", () => send("DELETE", path))}
          onClose={() => setAction(undefined)}
        >
          <p>
            After a time for reconsideration, the user and everything that names the user is erased. Until
            then, this page can cancel it.
          </p>
        </Confirm>
      )}
      <Commands
        api={[
          curl("GET", path),
          curl("GET", `${path}/contacts`),
          curl("PUT", `${path}/contacts/email`, { body: { email: "anna@example.com" } }),
          curl("POST", `${path}/contacts/phone-numbers`, { body: { number: "+436601234567" } }),
          curl("GET", `${path}/preferences`),
          curl("PATCH", `${path}/preferences`, {
            body: { preferences: [{ category: "news", channel: "email", enabled: false }] },
          }),
          curl("PATCH", `${path}/settings`, {
            body: {
              quiet: [{ days: [1, 2, 3, 4, 5], from: "22:00", to: "07:00" }],
              quietChannels: ["push", "sms"],
            },
          }),
          curl("PATCH", path, { body: { locale: "de-AT" } }),
          curl("DELETE", path),
          curl("GET", `${path}/deletion`),
          curl("DELETE", `${path}/deletion`),
        ]}
        cli={[
          tool(`users show ${id}`),
          tool(`users update ${id}`, { locale: "de-AT" }),
          tool(`users contacts list ${id}`),
          tool(`users contacts set-email ${id} anna@example.com`),
          tool(`users contacts add-phone ${id} +436601234567`),
          tool(`users contacts delete ${id} email`),
          tool(`preferences get ${id}`),
          tool(`preferences set ${id} news/email=off`),
          tool(`users quiet-hours ${id}`, { set: "mon-fri 22:00-07:00", channels: "push,sms" }),
          tool("notifications list", { user: id }),
          tool(`users inbox ${id}`),
          tool(`users delete ${id}`),
          tool(`users recover ${id}`),
        ]}
      />
    </Page>
  );
}

function Profile({ user }: { user: User }) {
  const facts: [string, React.ReactNode][] = [
    ["User id", <code key="id">{user.id}</code>],
    ["E-mail address", user.email ?? MISSING],
    ["Role", user.role],
    ["Language", user.locale ?? MISSING],
    ["Time zone", user.timezone ?? MISSING],
    ["Created", <Time key="created" at={user.createdAt} />],
  ];
  return (
    <dl className="facts wide">
      {facts.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

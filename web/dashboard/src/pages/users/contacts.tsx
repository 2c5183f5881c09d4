import { send } from "../../api/client.ts";
import type { Contacts } from "../../api/types.gen.ts";
import { Loaded } from "../../components/feedback.tsx";
import { Section } from "../../components/page.tsx";
import { Time } from "../../components/time.tsx";
import { useLiveQuery } from "../../lib/live.tsx";

/** Where a user is reached. */
export function UserContacts({ id }: { id: string }) {
  const contacts = useLiveQuery({
    key: ["user", id, "contacts"],
    load: (signal) => send<Contacts>("GET", `/api/users/${id}/contacts`, { signal }),
    every: 30,
  });
  return (
    <Section title="Contacts and devices">
      <Loaded query={contacts} what="The contacts cannot be loaded.">
        {({ email, phoneNumbers, deviceTokens }) =>
          email || phoneNumbers.length > 0 || deviceTokens.length > 0 ? (
            <ul className="plain">
              {email && <li>E-mail: {email}</li>}
              {phoneNumbers.map(({ id: contact, number, createdAt }) => (
                <li key={contact}>
                  Phone: {number}{" "}
                  <span className="muted">
                    since <Time at={createdAt} />
                  </span>
                </li>
              ))}
              {deviceTokens.map(({ id: contact, name, createdAt }) => (
                <li key={contact}>
                  Device: {name ?? "without a name"}{" "}
                  <span className="muted">
                    since <Time at={createdAt} />
                  </span>
                </li>
              ))}
            </ul>
          ) : (
            <p className="muted">None: nothing but in-app notifications and webhooks can reach this user.</p>
          )
        }
      </Loaded>
    </Section>
  );
}

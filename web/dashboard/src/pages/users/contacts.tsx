import { useState } from "react";
import { send } from "../../api/client.ts";
import type { Contacts } from "../../api/types.gen.ts";
import { Confirm } from "../../components/dialog.tsx";
import { Loaded } from "../../components/feedback.tsx";
import { TextField } from "../../components/fields.tsx";
import { Section } from "../../components/page.tsx";
import { Time } from "../../components/time.tsx";
import { useChange } from "../../lib/act.ts";
import { useLiveQuery } from "../../lib/live.tsx";

type Action =
  | { kind: "email" }
  | { kind: "number" }
  /** `path` is that of the contact. */
  | { kind: "delete"; path: string; name: string };

/** Where a user is reached. */
export function UserContacts({ id }: { id: string }) {
  const path = `/api/users/${id}/contacts`;
  const [action, setAction] = useState<Action>();
  const contacts = useLiveQuery({
    key: ["user", id, "contacts"],
    load: (signal) => send<Contacts>("GET", path, { signal }),
    every: 30,
  });
  const remove = (name: string, contact: string) => (
    <button
      type="button"
      className="small"
      aria-label={`Delete ${name}…`}
      onClick={() => setAction({ kind: "delete", path: contact, name })}
    >
      Delete…
    </button>
  );
  return (
    <Section
      title="Contacts and devices"
      actions={
        <>
          <button type="button" className="small" onClick={() => setAction({ kind: "email" })}>
            Set e-mail address…
          </button>
          <button type="button" className="small" onClick={() => setAction({ kind: "number" })}>
            Add phone number…
          </button>
        </>
      }
    >
      <Loaded query={contacts} what="The contacts cannot be loaded.">
        {({ email, phoneNumbers, deviceTokens }) =>
          email || phoneNumbers.length > 0 || deviceTokens.length > 0 ? (
            <ul className="plain">
              {email && (
                <li>
                  E-mail: {email} {remove(email, `${path}/email`)}
                </li>
              )}
              {phoneNumbers.map(({ id: contact, number, createdAt }) => (
                <li key={contact}>
                  Phone: {number}{" "}
                  <span className="muted">
                    since <Time at={createdAt} />
                  </span>{" "}
                  {remove(number, `${path}/phone-numbers/${contact}`)}
                </li>
              ))}
              {deviceTokens.map(({ id: contact, name, createdAt }) => (
                <li key={contact}>
                  Device: {name ?? "without a name"}{" "}
                  <span className="muted">
                    since <Time at={createdAt} />
                  </span>{" "}
                  {remove(name ?? "the device", `${path}/device-tokens/${contact}`)}
                </li>
              ))}
            </ul>
          ) : (
            <p className="muted">None: nothing but in-app notifications and webhooks can reach this user.</p>
          )
        }
      </Loaded>
      {action && <ContactDialog id={id} action={action} onClose={() => setAction(undefined)} />}
    </Section>
  );
}

/** Sets an address, adds a number, or deletes a contact. */
function ContactDialog({ id, action, onClose }: { id: string; action: Action; onClose: () => void }) {
  const [text, setText] = useState("");
  const change = useChange(["user", id]);
  const path = `/api/users/${id}/contacts`;
  if (action.kind === "delete") {
    return (
      <Confirm
        title={`Delete ${action.name}?`}
        action="Delete the contact"
        destroys
        run={() => change("The contact is deleted.", () => send("DELETE", action.path))}
        onClose={onClose}
      >
        <p>Nothing is sent to it from now on.</p>
      </Confirm>
    );
  }
  const isEmail = action.kind === "email";
  const save = () =>
    isEmail
      ? change("The address is set.", () => send("PUT", `${path}/email`, { body: { email: text.trim() } }))
      : change("The number is added.", () =>
          send("POST", `${path}/phone-numbers`, { body: { number: text.trim() } }),
        );
  return (
    <Confirm
      title={isEmail ? "Set the e-mail address" : "Add a phone number"}
      action={isEmail ? "Set" : "Add"}
      disabled={text.trim() === ""}
      run={save}
      onClose={onClose}
    >
      {isEmail ? (
        <TextField label="E-mail address" type="email" value={text} onChange={setText} required />
      ) : (
        <TextField
          label="Phone number"
          type="tel"
          value={text}
          onChange={setText}
          required
          hint="+ and 8 to 15 digits. Text messages go to the number that was added last"
        />
      )}
    </Confirm>
  );
}

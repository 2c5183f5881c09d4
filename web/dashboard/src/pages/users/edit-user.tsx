import { useState } from "react";
import { send } from "../../api/client.ts";
import type { User, UserChanges } from "../../api/types.gen.ts";
import { Confirm } from "../../components/dialog.tsx";
import { TextField } from "../../components/fields.tsx";
import { useChange } from "../../lib/act.ts";

/** Changes the profile of a user. Only what is changed is sent. */
export function EditUserDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const change = useChange(["user", user.id]);
  const [username, setUsername] = useState(user.username);
  const [email, setEmail] = useState(user.email ?? "");
  const [locale, setLocale] = useState(user.locale ?? "");
  const [timezone, setTimezone] = useState(user.timezone ?? "");
  const run = async () => {
    const body: UserChanges = {};
    if (username !== user.username) {
      body.username = username.trim();
    }
    for (const [name, text, before] of [
      ["email", email, user.email],
      ["locale", locale, user.locale],
      ["timezone", timezone, user.timezone],
    ] as const) {
      const value = text.trim() || null;
      if (value !== (before ?? null)) {
        body[name] = value;
      }
    }
    await change("The user is changed.", () => send("PATCH", `/api/users/${user.id}`, { body }));
  };
  return (
    <Confirm title={`Edit ${user.username}`} action="Save" run={run} onClose={onClose}>
      <TextField label="User name" value={username} onChange={setUsername} required />
      <TextField label="E-mail address" type="email" value={email} onChange={setEmail} />
      <TextField label="Language" value={locale} onChange={setLocale} hint="Such as de-AT" />
      <TextField label="Time zone" value={timezone} onChange={setTimezone} hint="Such as Europe/Vienna" />
    </Confirm>
  );
}

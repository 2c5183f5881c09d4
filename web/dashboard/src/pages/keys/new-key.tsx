import { useState } from "react";
import type { NewApiKey, Scope } from "../../api/types.gen.ts";
import { Confirm } from "../../components/dialog.tsx";
import { TextField } from "../../components/fields.tsx";

const SCOPES: readonly Scope[] = [
  "notifications:send",
  "notifications:send:any",
  "notifications:read",
  "contacts:write",
  "templates:write",
  "sending:control",
  "schedules:write",
  "users:read",
  "users:write",
  "keys:write",
  "audit:read",
  "inbox",
  "preferences:write",
  "categories:write",
  "dead-letters:write",
  "dashboard",
  "admin",
];

export function NewKeyDialog({
  onClose,
  create,
}: {
  onClose: () => void;
  create: (body: NewApiKey) => Promise<void>;
}) {
  const [name, setName] = useState("");
  const [userId, setUserId] = useState("");
  const [scopes, setScopes] = useState<ReadonlySet<Scope>>(new Set());
  const toggle = (scope: Scope) => {
    const next = new Set(scopes);
    if (!next.delete(scope)) {
      next.add(scope);
    }
    setScopes(next);
  };
  const run = () =>
    create({
      name: name.trim(),
      scopes: [...scopes],
      ...(userId.trim() ? { userId: userId.trim() } : {}),
    });
  return (
    <Confirm
      title="New API key"
      action="Create the key"
      disabled={name.trim() === "" || scopes.size === 0}
      run={run}
      onClose={onClose}
    >
      <TextField label="Name" value={name} onChange={setName} required hint="The program that uses it" />
      <fieldset className="checks">
        <legend>Scopes</legend>
        {SCOPES.map((scope) => (
          <label key={scope}>
            <input type="checkbox" checked={scopes.has(scope)} onChange={() => toggle(scope)} />
            {scope}
          </label>
        ))}
      </fieldset>
      <TextField label="User id" value={userId} onChange={setUserId} hint="Empty: the key of a service" />
    </Confirm>
  );
}

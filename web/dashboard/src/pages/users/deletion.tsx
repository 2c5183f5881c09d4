import { useState } from "react";
import { send } from "../../api/client.ts";
import type { UserDeletion } from "../../api/types.gen.ts";
import { Confirm } from "../../components/dialog.tsx";
import { Time } from "../../components/time.tsx";
import { useChange } from "../../lib/act.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { useMay } from "../../session/session.tsx";

/** Says that a user is to be deleted, and cancels that. */
export function Deletion({ id, name }: { id: string; name: string }) {
  const mayWrite = useMay("users:write");
  const [isAsked, setAsked] = useState(false);
  const change = useChange(["user", id]);
  const path = `/api/users/${id}/deletion`;
  const loaded = useLiveQuery({
    key: ["user", id, "deletion"],
    load: (signal) => send<UserDeletion>("GET", path, { signal }),
    every: 10,
  });
  const deletion = loaded.data?.deletion;
  if (!deletion) {
    return null;
  }
  const isWaiting = deletion.status === "waiting";
  const recover = () => change(`${name} stays.`, () => send("DELETE", path));
  return (
    <div className="note bad" role="status">
      <p>
        <strong>
          {isWaiting ? (
            <>
              The user is to be deleted: <Time at={deletion.dueAt} ago />
            </>
          ) : deletion.status === "erasing" ? (
            "The user is being erased."
          ) : (
            "The user is erased."
          )}
        </strong>
      </p>
      {isWaiting && <p>Until then, only critical notifications are sent to the user.</p>}
      {isWaiting && mayWrite && (
        <div className="actions">
          <button type="button" onClick={() => setAsked(true)}>
            Recover…
          </button>
        </div>
      )}
      {isAsked && (
        <Confirm
          title={`Recover ${name}?`}
          action="Recover the user"
          run={recover}
          onClose={() => setAsked(false)}
        >
          <p>The deletion is cancelled, and the user gets notifications again.</p>
        </Confirm>
      )}
    </div>
  );
}

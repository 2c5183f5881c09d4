/** What an operator does with a channel: stop, start, and try its provider. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { Confirm } from "../../components/dialog.tsx";
import { notify } from "../../components/toasts.tsx";
import { counted } from "../../lib/format.ts";

export interface Switch {
  channel: string;
  /** How many messages wait in its queue. */
  depth?: number | null;
  action: "stop" | "start";
}

/** Returns a function that says what was done, and loads the overview again. */
function useChanged(): (text: string) => void {
  const client = useQueryClient();
  return (text) => {
    notify(text);
    void client.invalidateQueries({ queryKey: ["overview"] });
  };
}

/** Returns a function that lets workers try the provider of a channel now. */
export function useProbe(): (channel: string) => Promise<void> {
  const changed = useChanged();
  return (channel) =>
    send("POST", `/api/channels/${channel}/probe`).then(
      () => changed(`Workers try the provider of ${channel} with one message.`),
      (error: Error) => notify(`The provider of ${channel} was not tried: ${error.message}`),
    );
}

/** Asks before a channel is stopped or started. */
export function SwitchDialog({ channel, depth, action, onClose }: Switch & { onClose: () => void }) {
  const changed = useChanged();
  const [reason, setReason] = useState("");
  const isStop = action === "stop";
  const waiting = counted(depth ?? 0, "message waits", "messages wait");
  const run = async () => {
    const body = isStop ? { channel, ...(reason.trim() ? { reason: reason.trim() } : {}) } : { channel };
    const { inFlight } = await send<{ inFlight: number }>("POST", `/api/sending/${action}`, { body });
    const still =
      inFlight > 0 ? ` ${counted(inFlight, "notification is", "notifications are")} still being sent.` : "";
    changed(isStop ? `${channel} is stopped.${still}` : `${channel} is started.`);
  };
  return (
    <Confirm
      title={isStop ? `Stop ${channel}?` : `Start ${channel}?`}
      action={isStop ? `Stop ${channel}` : `Start ${channel}`}
      destroys={isStop}
      run={run}
      onClose={onClose}
    >
      {isStop ? (
        <>
          <p>
            Notifications are still accepted and recorded, but no worker sends {channel} until you start it
            again, also after a restart. {waiting} in the queue now.
          </p>
          <label>
            <span>Reason, for other operators</span>
            <input value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} />
          </label>
        </>
      ) : (
        <p>Everything that waits is sent. {waiting} in the queue now.</p>
      )}
    </Confirm>
  );
}

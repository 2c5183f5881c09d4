import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, send } from "../../api/client.ts";
import { Confirm } from "../../components/dialog.tsx";
import { notify } from "../../components/toasts.tsx";
import { counted, textOf } from "../../lib/format.ts";

interface Props {
  ids: string[];
  onClose: () => void;
  onDone: () => void;
}

/** Cancels notifications one after the other. Those that are sent in the meantime are not cancelled. */
export function CancelDialog({ ids, onClose, onDone }: Props) {
  const client = useQueryClient();
  const [left, setLeft] = useState(ids);
  const run = async () => {
    let cancelled = 0;
    let tooLate = 0;
    let lastError: unknown;
    const failed: string[] = [];
    for (const id of left) {
      try {
        await send("DELETE", `/api/notifications/${id}`);
        cancelled += 1;
      } catch (error) {
        if (error instanceof ApiError && error.status === 409) {
          tooLate += 1;
        } else {
          failed.push(id);
          lastError = error;
        }
      }
    }
    const late = tooLate > 0 ? ` ${counted(tooLate, "was", "were")} being sent or had ended already.` : "";
    const done = `${counted(cancelled, "notification")} cancelled.${late}`;
    setLeft(failed);
    if (failed.length > 0 && left.length === 1) {
      throw lastError;
    }
    if (failed.length > 0) {
      void client.invalidateQueries({ queryKey: ["notifications"] });
      const not = counted(failed.length, "was", "were");
      throw new Error(`${done} ${not} not cancelled: ${textOf(lastError)}`);
    }
    notify(done);
    onDone();
  };
  const count = counted(left.length, "notification");
  return (
    <Confirm title={`Cancel ${count}?`} action={`Cancel ${count}`} destroys run={run} onClose={onClose}>
      <p>What is cancelled is never sent. It cannot be undone.</p>
    </Confirm>
  );
}

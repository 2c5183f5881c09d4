import { ApiError, send } from "../../api/client.ts";
import { Confirm } from "../../components/dialog.tsx";
import { notify } from "../../components/toasts.tsx";
import { counted } from "../../lib/format.ts";

interface Props {
  ids: string[];
  onClose: () => void;
  onDone: () => void;
}

/** Cancels notifications one after the other. Those that are sent in the meantime are not cancelled. */
export function CancelDialog({ ids, onClose, onDone }: Props) {
  const run = async () => {
    let cancelled = 0;
    let tooLate = 0;
    let failed = 0;
    let reason = "";
    for (const id of ids) {
      try {
        await send("DELETE", `/api/notifications/${id}`);
        cancelled += 1;
      } catch (error) {
        if (error instanceof ApiError && error.status === 409) {
          tooLate += 1;
        } else {
          failed += 1;
          reason = error instanceof Error ? error.message : String(error);
        }
      }
    }
    const late = tooLate > 0 ? ` ${counted(tooLate, "was", "were")} being sent or had ended already.` : "";
    const not = failed > 0 ? ` ${counted(failed, "was", "were")} not cancelled: ${reason}` : "";
    notify(`${counted(cancelled, "notification")} cancelled.${late}${not}`);
    onDone();
  };
  const count = counted(ids.length, "notification");
  return (
    <Confirm title={`Cancel ${count}?`} action={`Cancel ${count}`} destroys run={run} onClose={onClose}>
      <p>What is cancelled is never sent. It cannot be undone.</p>
    </Confirm>
  );
}

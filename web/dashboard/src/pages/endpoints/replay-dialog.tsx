import { useState } from "react";
import type { DeadLetterFilter } from "../../api/dead-letters.ts";
import type { WebhookEndpoint } from "../../api/types.gen.ts";
import { Dialog } from "../../components/dialog.tsx";
import { TimeFilter } from "../../components/filters.tsx";
import { BulkDialog } from "../dead-letters/bulk-dialog.tsx";

const DAY_MS = 86_400_000;

/** Asks since when, and then replays what an endpoint has not received since. */
export function ReplayDialog({ endpoint, onClose }: { endpoint: WebhookEndpoint; onClose: () => void }) {
  const lastSuccess = endpoint.health?.lastSuccessAt;
  const [from, setFrom] = useState<string | undefined>(
    () => lastSuccess ?? new Date(Date.now() - DAY_MS).toISOString(),
  );
  const [filter, setFilter] = useState<DeadLetterFilter>();
  if (filter) {
    return <BulkDialog kind="replay" filter={filter} onClose={onClose} />;
  }
  return (
    <Dialog title="Replay what this endpoint has not received" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setFilter({ endpointId: endpoint.id, from });
        }}
      >
        <p>
          Notifications that failed and have not reached {endpoint.url} are sent again. Other endpoints of the
          user that have accepted them do not get them again.
        </p>
        <TimeFilter label="Failed at this time or later" value={from} onChange={setFrom} />
        <p className="muted">
          {lastSuccess ? "At first, the time of the last success. " : "At first, 24 hours ago. "}
          Without a time, all of them.
        </p>
        {!endpoint.enabled && (
          <p className="note bad">This endpoint is disabled. Enable it first: nothing is sent to it now.</p>
        )}
        <footer>
          <button type="button" onClick={onClose}>
            Back
          </button>
          <button type="submit" className="primary">
            Count them…
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

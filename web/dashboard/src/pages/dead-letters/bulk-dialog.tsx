import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useLocation } from "wouter";
import {
  type BulkKind,
  DEFAULT_RATE,
  type DeadLetterFilter,
  dryRun,
  isEmpty,
  MAX_RATE,
  startJob,
} from "../../api/dead-letters.ts";
import type { DryRun } from "../../api/types.gen.ts";
import { Confirm } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/feedback.tsx";
import { Time } from "../../components/time.tsx";
import { notify } from "../../components/toasts.tsx";
import { counted, formatCount, formatDuration } from "../../lib/format.ts";
import { remedyOf } from "../../lib/remedies.ts";

interface Props {
  kind: BulkKind;
  filter: DeadLetterFilter;
  onClose: () => void;
  onDone?: () => void;
}

/** Counts what matches, asks, and starts a job for all of it. After a job for many it shows the job; one alone keeps its page. */
export function BulkDialog({ kind, filter, onClose, onDone }: Props) {
  const [, navigate] = useLocation();
  const client = useQueryClient();
  const rateId = useId();
  const [rate, setRate] = useState(String(DEFAULT_RATE));
  const found = useQuery({
    queryKey: ["dry-run", kind, filter],
    queryFn: ({ signal }) => dryRun(kind, filter, signal),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const total = found.data?.total;
  const perSecond = Number(rate);
  const isRateValid = Number.isInteger(perSecond) && perSecond >= 1 && perSecond <= MAX_RATE;
  const verb = kind === "replay" ? "Replay" : "Discard";
  const isCapped = found.data?.isCapped ?? false;
  const what = total === undefined ? "dead letters" : howMany(total, isCapped);
  const isSingle = filter.ids?.length === 1;
  const run = async () => {
    const job = await startJob(kind, filter, perSecond);
    const path = `/jobs?id=${job.id}`;
    void client.invalidateQueries({ queryKey: ["jobs"] });
    onDone?.();
    if (isSingle) {
      const text = kind === "replay" ? "It is sent again by a job." : "It is discarded by a job.";
      notify(text, { text: "Show the job", href: path });
      return;
    }
    notify(`The job was created: ${verb.toLowerCase()} ${what}.`);
    navigate(path);
  };
  return (
    <Confirm
      title={`${verb} ${what}?`}
      action={`${verb} ${what}`}
      typed={isEmpty(filter) ? "all" : undefined}
      destroys={kind === "purge"}
      disabled={!(total || isCapped) || !isRateValid}
      run={run}
      onClose={onClose}
    >
      {kind === "replay" ? (
        <p>
          {isSingle ? "It" : "Each"} is sent again. What was cancelled, has expired or has no payload any more
          is skipped, with its reason.
        </p>
      ) : (
        <p>
          {isSingle
            ? "It no longer appears here and cannot be replayed. A notification stays failed."
            : "They no longer appear here and cannot be replayed. Notifications stay failed."}{" "}
          It cannot be undone.
        </p>
      )}
      <Conditions filter={filter} />
      {found.error && <ErrorNote error={found.error} what="The dead letters cannot be counted." />}
      {found.isPending && (
        <p className="muted" role="status">
          Counting…
        </p>
      )}
      {found.data && <DryRunResult result={found.data} isSingle={isSingle} />}
      {found.data && kind === "replay" && <Warnings result={found.data} />}
      {!isSingle && (
        <label htmlFor={rateId}>
          <span>Dead letters a second</span>
          <input
            id={rateId}
            type="number"
            min={1}
            max={MAX_RATE}
            value={rate}
            onChange={(event) => setRate(event.target.value)}
          />
        </label>
      )}
      {!isSingle && total !== undefined && total > 0 && isRateValid && (
        <p className="muted">
          Takes {isCapped ? "more than" : "about"} {formatDuration(Math.max(1, total / perSecond) * 1000)}.
        </p>
      )}
    </Confirm>
  );
}

/** How many dead letters were counted. Of many, the job counts all. */
function howMany(total: number, isCapped: boolean): string {
  if (total === 0 && isCapped) {
    return "all that match";
  }
  return isCapped ? `more than ${counted(total, "dead letter")}` : counted(total, "dead letter");
}

function Conditions({ filter }: { filter: DeadLetterFilter }) {
  if (isEmpty(filter)) {
    return (
      <p>
        <strong>There is no filter: this takes all dead letters.</strong>
      </p>
    );
  }
  const { ids, from, to, reason, channel, provider, endpointId } = filter;
  return (
    <ul className="conditions">
      {reason && <li>reason {reason}</li>}
      {channel && <li>channel {channel}</li>}
      {provider && <li>provider or host {provider}</li>}
      {endpointId && <li>not received by the endpoint {endpointId}</li>}
      {from && (
        <li>
          failed at <Time at={from} /> or later
        </li>
      )}
      {to && (
        <li>
          failed before <Time at={to} />
        </li>
      )}
      {ids && <li>{ids.length === 1 ? ids[0] : counted(ids.length, "id")}</li>}
    </ul>
  );
}

function DryRunResult({
  result: { total, isCapped, byReason, byChannel, byProvider, example },
  isSingle,
}: {
  result: DryRun;
  isSingle: boolean;
}) {
  if (total === 0 && !isCapped) {
    return <p className="note">No dead letter matches.</p>;
  }
  if (isSingle) {
    return example ? (
      <p>
        It failed <Time at={example.failedAt} ago />: {example.error ?? example.reason}
      </p>
    ) : null;
  }
  return (
    <div className="dry-run">
      <Counts title="By reason" counts={byReason} />
      <Counts title="By channel" counts={byChannel} />
      <Counts title="By provider or host" counts={byProvider} />
      {isCapped && <p className="note">There are more than these counts show. The job takes all of them.</p>}
      {example && (
        <p>
          The last one failed <Time at={example.failedAt} ago />: {example.error ?? example.reason}
        </p>
      )}
    </div>
  );
}

/** What to do before a replay, so that it does not fail again or send something twice. */
function Warnings({ result: { byReason, byChannel } }: { result: DryRun }) {
  const channels = Object.keys(byChannel);
  const channel = channels.length === 1 ? channels[0] : undefined;
  const reasons = Object.keys(byReason).filter((reason) => remedyOf(reason));
  const isVain = reasons.some((reason) => remedyOf(reason)?.replay !== "later");
  if (reasons.length === 0) {
    return null;
  }
  return (
    <ul className={isVain ? "note warning" : "note"}>
      {reasons.map((reason) => (
        <li key={reason}>
          {reasons.length > 1 && <strong>{reason}: </strong>}
          {remedyOf(reason, { channel })?.text}
        </li>
      ))}
    </ul>
  );
}

function Counts({ title, counts }: { title: string; counts: Record<string, unknown> }) {
  return (
    <section>
      <h3>{title}</h3>
      <ul>
        {Object.entries(counts).map(([name, count]) => (
          <li key={name}>
            {name}: {formatCount(Number(count))}
          </li>
        ))}
      </ul>
    </section>
  );
}

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { send } from "../../api/client.ts";
import { type BulkKind, type DeadLetterFilter, loadGroups } from "../../api/dead-letters.ts";
import type { Job } from "../../api/types.gen.ts";
import { Confirm } from "../../components/dialog.tsx";
import { Status } from "../../components/status.tsx";
import { Time, useNow } from "../../components/time.tsx";
import { notify } from "../../components/toasts.tsx";
import { linkTo } from "../../lib/filters.ts";
import { counted, formatCount, formatDuration, words } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { SKIPPED } from "../../lib/remedies.ts";
import { useMay } from "../../session/session.tsx";
import { BulkDialog } from "../dead-letters/bulk-dialog.tsx";
import { RateDialog } from "./rate-dialog.tsx";

interface Props {
  job: Job;
  /** Whether it is the only one of the page: then what has failed since is counted. */
  isAlone: boolean;
}

/** How far a job is, what can be done with it, and whether what it has replayed has failed again. */
export function JobCard({ job, isAlone }: Props) {
  const { id, kind, state, total, isTotalCapped, done, failed, skipped, ratePerSecond } = job;
  const taken = done + failed + skipped;
  return (
    <article className="job" aria-label={`Job ${id}`}>
      <header>
        <h2>
          <Link href={`/jobs?id=${id}`}>
            {kind === "replay" ? "Replay" : "Discard"} {isTotalCapped && "more than "}
            {counted(total, "dead letter")}
          </Link>
        </h2>
        <Status value={state} />
        <JobActions job={job} />
      </header>
      <progress max={Math.max(total, 1)} value={total === 0 ? 1 : taken} aria-label="Progress" />
      <p>
        {formatCount(taken)} of {isTotalCapped && "more than "}
        {formatCount(total)}: {formatCount(done)} {kind === "replay" ? "replayed" : "discarded"},{" "}
        {formatCount(skipped)} skipped, {formatCount(failed)} failed
        {isActive(job) && <Remaining job={job} />}
      </p>
      <Reasons job={job} />
      {job.lastError && <p className="note bad">{job.lastError}</p>}
      <dl className="facts">
        <div>
          <dt>Which</dt>
          <dd>
            <Filter filter={job.filter} />
          </dd>
        </div>
        <div>
          <dt>Rate</dt>
          <dd>{formatCount(ratePerSecond)} a second</dd>
        </div>
        <div>
          <dt>Created</dt>
          <dd>
            <Time at={job.createdAt} /> by <Creator subject={job.createdBy} />
          </dd>
        </div>
        {job.finishedAt && (
          <div>
            <dt>Ended</dt>
            <dd>
              <Time at={job.finishedAt} />
              {job.startedAt &&
                ` after ${formatDuration(Date.parse(job.finishedAt) - Date.parse(job.startedAt))}`}
            </dd>
          </div>
        )}
        <FailedSince job={job} isCounted={isAlone} />
      </dl>
    </article>
  );
}

export const isActive = ({ state }: Job) => state === "pending" || state === "running" || state === "paused";

/** Whoever has created a job: a user of accounts, or the subject of a token or session. */
function Creator({ subject }: { subject: string }) {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(subject) ? (
    <Link href={`/users/${subject}`} title={subject}>
      user <code>{subject.slice(0, 8)}</code>
    </Link>
  ) : (
    subject
  );
}

/** The filter of a job, without its ids: the pages of dead letters know none. */
function conditionsOf(job: Job): Record<string, string> {
  return Object.fromEntries(
    Object.entries(job.filter).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

/** What has failed since a replay began and matches its filter: what was replayed and failed again, and what is new. */
function FailedSince({ job, isCounted }: { job: Job; isCounted: boolean }) {
  const { from: _from, to: _to, ...same } = conditionsOf(job);
  const filter = { ...same, from: job.startedAt ?? undefined };
  const isKnown = job.kind === "replay" && Boolean(job.startedAt) && !("ids" in job.filter);
  const found = useLiveQuery({
    key: ["dead-letters", "groups", filter],
    load: (signal) => loadGroups(filter, signal),
    every: isActive(job) ? 5 : 15,
    enabled: isKnown && isCounted,
  });
  if (!isKnown) {
    return null;
  }
  const count = found.data?.groups.reduce((sum, group) => sum + group.count, 0);
  const isCapped = found.data?.isCapped || found.data?.groups.some((group) => group.isCapped);
  return (
    <div>
      <dt>Failed since its start</dt>
      <dd>
        {isCounted && count === 0 ? (
          "none with this filter"
        ) : (
          <Link href={linkTo("/dead-letters", filter)}>
            {isCounted && count !== undefined
              ? `${isCapped ? "more than " : ""}${counted(count, "dead letter")} with this filter`
              : "dead letters with this filter"}
          </Link>
        )}
      </dd>
    </div>
  );
}

function Remaining({ job }: { job: Job }) {
  const now = useNow(1);
  const { state, total, isTotalCapped, done, failed, skipped, ratePerSecond, startedAt } = job;
  if (state !== "running") {
    return <>. {state === "paused" ? "It is paused." : "It waits for a worker with the stage scheduler."}</>;
  }
  if (isTotalCapped) {
    return <>. How many there are is not counted yet.</>;
  }
  const taken = done + failed + skipped;
  const seconds = startedAt ? Math.max(1, (now - Date.parse(startedAt)) / 1000) : 1;
  // As fast as so far, but not faster than its rate.
  const speed = taken > 0 ? Math.min(taken / seconds, ratePerSecond) : ratePerSecond;
  return <>. About {formatDuration(Math.ceil((total - taken) / Math.max(speed, 0.01)) * 1000)} remain.</>;
}

/** Why some were skipped. */
function Reasons({ job }: { job: Job }) {
  const reasons = Object.entries(job.skippedReasons as Record<string, number>);
  if (reasons.length === 0) {
    return null;
  }
  return (
    <p>
      Skipped:{" "}
      {reasons
        .map(([reason, count]) => `${formatCount(count)} ${SKIPPED[reason] ?? words(reason)} (${reason})`)
        .join("; ")}
    </p>
  );
}

function Filter({ filter }: { filter: Job["filter"] }) {
  const { ids, ...conditions } = filter as Record<string, string> & { ids?: string[] };
  if (Array.isArray(ids)) {
    const only = ids.length === 1 ? ids[0] : undefined;
    return only ? <Link href={`/notifications/${only}`}>{only}</Link> : counted(ids.length, "id");
  }
  const parts = Object.entries(conditions).map(([name, value]) => `${name} ${value}`);
  if (parts.length === 0) {
    return <>all dead letters</>;
  }
  return <Link href={linkTo("/dead-letters", conditions)}>{parts.join(", ")}</Link>;
}

function JobActions({ job }: { job: Job }) {
  const client = useQueryClient();
  const mayWrite = useMay("dead-letters:write");
  const [asked, setAsked] = useState<"abort" | "rate">();
  if (!mayWrite) {
    return null;
  }
  if (!isActive(job)) {
    return <Again job={job} />;
  }
  const changed = () => void client.invalidateQueries({ queryKey: ["jobs"] });
  const post = async (action: "pause" | "resume" | "abort") => {
    await send("POST", `/api/jobs/${job.id}/${action}`);
    changed();
  };
  const act = (action: "pause" | "resume") => post(action).catch((error: Error) => notify(error.message));
  const left = job.total - job.done - job.failed - job.skipped;
  return (
    <div className="actions">
      {job.state === "paused" ? (
        <button type="button" className="small" onClick={() => void act("resume")}>
          Resume
        </button>
      ) : (
        <button type="button" className="small" onClick={() => void act("pause")}>
          Pause
        </button>
      )}
      <button type="button" className="small" onClick={() => setAsked("rate")}>
        Rate…
      </button>
      <button type="button" className="small" onClick={() => setAsked("abort")}>
        Abort…
      </button>
      {asked === "rate" && <RateDialog job={job} onClose={() => setAsked(undefined)} onDone={changed} />}
      {asked === "abort" && (
        <Confirm
          title="Abort this job?"
          action={`Abort, and leave ${counted(left, "dead letter")}`}
          destroys
          run={() => post("abort")}
          onClose={() => setAsked(undefined)}
        >
          <p>
            What the job has taken already is {job.kind === "replay" ? "sent" : "gone"}. It cannot be
            continued.
          </p>
        </Confirm>
      )}
    </div>
  );
}

/** Starts another job with the filter of one that has ended: for what an aborted one has left, or what has failed again. */
function Again({ job }: { job: Job }) {
  const [isAsked, setAsked] = useState(false);
  const ids = Array.isArray(job.filter.ids) ? { ids: job.filter.ids.map(String) } : {};
  const filter: DeadLetterFilter = { ...conditionsOf(job), ...ids };
  return (
    <div className="actions">
      <button type="button" className="small" onClick={() => setAsked(true)}>
        Again with this filter…
      </button>
      {isAsked && <BulkDialog kind={job.kind as BulkKind} filter={filter} onClose={() => setAsked(false)} />}
    </div>
  );
}

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import {
  FILTER_NAMES,
  isCancellable,
  loadNotifications,
  type NotificationFilters,
  notificationQuery,
} from "../../api/notifications.ts";
import type { Notification } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { Page } from "../../components/page.tsx";
import { Pager } from "../../components/pager.tsx";
import { Time } from "../../components/time.tsx";
import { curl, tool } from "../../lib/commands.ts";
import { linkTo, useFilters, without } from "../../lib/filters.ts";
import { counted } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { useMay } from "../../session/session.tsx";
import { BulkDialog } from "../dead-letters/bulk-dialog.tsx";
import { CancelDialog } from "./cancel-dialog.tsx";
import { ExportLinks } from "./export.tsx";
import { NotificationFilterBar } from "./filter-bar.tsx";
import { NotificationTable } from "./table.tsx";

type Action = { kind: "cancel"; ids: string[] } | { kind: "replay"; ids: string[] };

export function NotificationsPage() {
  const [filters, change] = useFilters(FILTER_NAMES);
  const client = useQueryClient();
  const mayReplay = useMay("dead-letters:write");
  const mayCancel = useMay("notifications:send:any");
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [action, setAction] = useState<Action>();
  const list = useLiveQuery({
    key: ["notifications", filters],
    load: (signal) => loadNotifications(filters, signal),
    // The rows stay as they are while some are selected.
    every: selected.size > 0 ? 0 : 5,
  });
  const { cursor: _cursor, ...conditions } = filters;
  const key = JSON.stringify(filters);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other rows, another selection
  useEffect(() => setSelected(new Set()), [key]);
  const chosen = list.data?.notifications.filter(({ messageId }) => selected.has(messageId)) ?? [];
  // biome-ignore lint/correctness/useExhaustiveDependencies: what has left the page is not selected any more
  useEffect(() => {
    if (chosen.length < selected.size) {
      setSelected(new Set(chosen.map(({ messageId }) => messageId)));
    }
  }, [chosen.length, selected.size]);
  const ids = (accepts: (one: Notification) => boolean) =>
    chosen.filter(accepts).map(({ messageId }) => messageId);
  const [cancellable, failed] = [ids(isCancellable), ids(({ status }) => status === "failed")];
  const done = () => {
    setSelected(new Set());
    void client.invalidateQueries({ queryKey: ["notifications"] });
  };
  return (
    <Page title="Notifications" actions={<ExportLinks filters={conditions} />}>
      <NotificationFilterBar
        filters={conditions}
        change={(changed) => change({ ...changed, cursor: undefined })}
      />
      {(mayReplay || mayCancel) && chosen.length > 0 && (
        <div className="selection" role="status">
          <span>
            {counted(chosen.length, "notification")} selected.{" "}
            <span className="muted">The list is not loaded again meanwhile.</span>
          </span>
          {mayCancel && cancellable.length > 0 && (
            <button type="button" onClick={() => setAction({ kind: "cancel", ids: cancellable })}>
              Cancel {cancellable.length}…
            </button>
          )}
          {mayReplay && failed.length > 0 && (
            <button type="button" onClick={() => setAction({ kind: "replay", ids: failed })}>
              Replay {failed.length}…
            </button>
          )}
          <button type="button" className="quiet" onClick={() => setSelected(new Set())}>
            Select none
          </button>
        </div>
      )}
      <Loaded query={list} what="The notifications cannot be loaded.">
        {({ notifications, nextCursor, searchedUntil }) =>
          notifications.length === 0 && !nextCursor ? (
            <NothingFound
              hasFilters={Object.keys(conditions).length > 0}
              clear={() => change(without(FILTER_NAMES))}
            />
          ) : (
            <>
              {notifications.length > 0 && (
                <NotificationTable
                  notifications={notifications}
                  selected={mayReplay || mayCancel ? selected : undefined}
                  select={setSelected}
                  filters={filters}
                />
              )}
              {searchedUntil && nextCursor && (
                <SearchEnd
                  at={searchedUntil}
                  next={nextCursor}
                  isEmpty={notifications.length === 0}
                  isLoading={list.isPlaceholderData}
                  onMove={(cursor) => change({ cursor }, true)}
                />
              )}
              <Pager cursor={filters.cursor} next={nextCursor} onMove={(cursor) => change({ cursor })} />
            </>
          )
        }
      </Loaded>
      {mayReplay && (filters.status === "failed" || (!filters.status && filters.reason)) && (
        <ReplayAll conditions={conditions} />
      )}
      {action?.kind === "cancel" && (
        <CancelDialog ids={action.ids} onClose={() => setAction(undefined)} onDone={done} />
      )}
      {action?.kind === "replay" && (
        <BulkDialog
          kind="replay"
          filter={{ ids: action.ids }}
          onClose={() => setAction(undefined)}
          onDone={done}
        />
      )}
      <Commands
        api={[
          curl("GET", "/api/notifications", { query: notificationQuery(filters) }),
          ...(cancellable[0] ? [curl("DELETE", `/api/notifications/${cancellable[0]}`)] : []),
        ]}
        cli={[
          tool("notifications list", toolOptions(conditions)),
          tool("notifications export", { ...toolOptions(conditions), output: "notifications.csv" }),
          cancellable[0] ? tool(`cancel ${cancellable[0]}`) : tool("cancel --group GROUP"),
        ]}
      />
    </Page>
  );
}

/** The filters as options of the tool. */
function toolOptions(filters: NotificationFilters): Record<string, string | undefined> {
  const { status, channel, user, category, template, host, reason, from, to, reference, sender, id } =
    filters;
  return {
    status,
    channel,
    user,
    category,
    template,
    host,
    reason,
    from,
    to,
    "ended-from": filters.endedFrom,
    "ended-to": filters.endedTo,
    reference,
    sender,
    id,
  };
}

interface SearchEndProps {
  /** The page has looked at what was accepted since then. */
  at: string;
  next: string;
  isEmpty: boolean;
  isLoading: boolean;
  onMove: (cursor: string) => void;
}

/** Says how far a page has searched. A search that has found nothing goes on by itself, until it is stopped. */
function SearchEnd({ at, next, isEmpty, isLoading, onMove }: SearchEndProps) {
  const [isStopped, setStopped] = useState(false);
  const goesOn = isEmpty && !isStopped;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the function is another one each time
  useEffect(() => {
    if (goesOn && !isLoading) {
      onMove(next);
    }
  }, [goesOn, isLoading, next]);
  return (
    <p className="note" role="status">
      Searched back to <Time at={at} />.{" "}
      {isEmpty ? (
        <button type="button" onClick={() => setStopped(!isStopped)}>
          {isStopped ? "Search on" : "Stop the search"}
        </button>
      ) : (
        "The next page goes on from there."
      )}
    </p>
  );
}

/** What a filter of dead letters can say as well. The times of the two lists differ: acceptance here, failure there. */
const OF_DEAD_LETTERS: readonly string[] = ["status", "reason", "channel"];

/** Leads to the dead letters that match, if these can be filtered in the same way: a link must never lead to more. */
function ReplayAll({ conditions }: { conditions: NotificationFilters }) {
  const other = Object.keys(conditions).filter((name) => !OF_DEAD_LETTERS.includes(name));
  if (other.length > 0) {
    return (
      <p>
        Dead letters cannot be filtered by{" "}
        {[...new Set(other.map((name) => LABELS[name] ?? name))].join(", ")}. Select rows here to replay them.
      </p>
    );
  }
  const { reason, channel } = conditions;
  return (
    <p>
      To replay all that match, not only those of this page, go to{" "}
      <Link href={linkTo("/dead-letters", { reason, channel })}>the dead letters</Link>.
    </p>
  );
}

const LABELS: Record<string, string> = {
  id: "message id",
  host: "destination host",
  reference: "provider reference",
  from: "time of acceptance",
  to: "time of acceptance",
  endedFrom: "time of the end",
  endedTo: "time of the end",
};

function NothingFound({ hasFilters, clear }: { hasFilters: boolean; clear: () => void }) {
  if (hasFilters) {
    return (
      <Empty title="No notification matches">
        <p>Change the filters, or remove them.</p>
        <button type="button" onClick={clear}>
          Clear filters
        </button>
      </Empty>
    );
  }
  const example = curl("POST", "/api/notifications", {
    body: { targetUserId: "USER_ID", type: "in-app", payload: { title: "Hello" } },
  });
  return (
    <Empty title="Nothing was sent yet">
      <p>Send the first notification with a token from `tidings token`:</p>
      <pre>{example}</pre>
    </Empty>
  );
}

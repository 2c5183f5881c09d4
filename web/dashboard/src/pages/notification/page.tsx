import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { ApiError, send } from "../../api/client.ts";
import { isCancellable } from "../../api/notifications.ts";
import type { NotificationTimeline } from "../../api/timeline.ts";
import { Commands } from "../../components/commands.tsx";
import { Copy } from "../../components/copy.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { Page, Section } from "../../components/page.tsx";
import { curl, tool } from "../../lib/commands.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { useMay } from "../../session/session.tsx";
import { BulkDialog } from "../dead-letters/bulk-dialog.tsx";
import { CancelDialog } from "../notifications/cancel-dialog.tsx";
import { Content } from "./content.tsx";
import { Facts } from "./facts.tsx";
import { Payload } from "./payload.tsx";
import { StatusNote } from "./status-note.tsx";
import { Steps } from "./steps.tsx";

/** One notification: what has happened to it, and what happens next. */
export function NotificationPage({ id }: { id: string }) {
  const client = useQueryClient();
  const mayReplay = useMay("dead-letters:write");
  const mayCancel = useMay("notifications:send:any");
  const [action, setAction] = useState<"cancel" | "replay">();
  const path = `/api/notifications/${id}`;
  const timeline = useLiveQuery({
    key: ["notification", id],
    load: (signal) =>
      send<NotificationTimeline>("GET", `${path}/timeline`, { query: { limit: 200 }, signal }),
    every: 2,
  });
  const found = timeline.data;
  const isMissing = timeline.error instanceof ApiError && timeline.error.status === 404;
  const isFailed = found?.status === "failed";
  const refresh = () => void client.invalidateQueries({ queryKey: ["notification", id] });
  return (
    <Page
      title="Notification"
      actions={
        found && (
          <>
            {mayReplay && isFailed && (
              <button type="button" className="primary" onClick={() => setAction("replay")}>
                Replay…
              </button>
            )}
            {mayCancel && isCancellable(found) && (
              <button type="button" onClick={() => setAction("cancel")}>
                Cancel…
              </button>
            )}
            <Copy label="Copy as curl" text={curl("GET", `${path}/timeline`)} />
            <Copy label="Copy id" text={id} />
          </>
        )
      }
    >
      {isMissing ? (
        <Empty title="There is no such notification">
          <p>
            It is not recorded yet, its rows were deleted by the retention, or the id is wrong. A message that
            could not be recorded is listed in <Link href="/dead-letters">Dead letters</Link>.
          </p>
        </Empty>
      ) : (
        <Loaded query={timeline} what="The notification cannot be loaded.">
          {(now) => (
            <>
              <StatusNote timeline={now} />
              <Facts timeline={now} />
              <Section title="Timeline">
                <Steps steps={now.steps} />
                {now.attemptsNextCursor && (
                  <p className="muted">
                    There are more attempts: <code>{curl("GET", `${path}/attempts`)}</code>
                  </p>
                )}
              </Section>
              <Content id={id} />
              <Payload id={id} template={now.template?.name} />
            </>
          )}
        </Loaded>
      )}
      {action === "cancel" && (
        <CancelDialog ids={[id]} onClose={() => setAction(undefined)} onDone={refresh} />
      )}
      {action === "replay" && (
        <BulkDialog
          kind="replay"
          filter={{ ids: [id] }}
          onClose={() => setAction(undefined)}
          onDone={refresh}
        />
      )}
      <Commands
        api={[
          curl("GET", path),
          curl("GET", `${path}/timeline`),
          curl("GET", `${path}/content`),
          curl("GET", `${path}/payload`),
          ...(found && isCancellable(found) ? [curl("DELETE", path)] : []),
          ...(isFailed
            ? [curl("POST", "/api/dead-letters/replay", { body: { filter: { ids: [id] } } })]
            : []),
        ]}
        cli={[
          tool(`notifications show ${id}`),
          tool(`notifications content ${id}`),
          tool(`notifications payload ${id}`),
          ...(isFailed ? [tool("dlq replay", { id })] : []),
          ...(found && isCancellable(found) ? [tool(`cancel ${id}`)] : []),
          tool("audit", { target: id }),
        ]}
      />
    </Page>
  );
}

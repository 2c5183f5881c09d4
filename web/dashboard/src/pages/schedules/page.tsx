import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { send } from "../../api/client.ts";
import type { PreviewResponse, Schedule, SchedulePage } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { Confirm, Dialog } from "../../components/dialog.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { FilterBar, SelectFilter } from "../../components/filters.tsx";
import { Page } from "../../components/page.tsx";
import { Pager } from "../../components/pager.tsx";
import { Status } from "../../components/status.tsx";
import { Time } from "../../components/time.tsx";
import { useAct, useChange } from "../../lib/act.ts";
import { curl, tool } from "../../lib/commands.ts";
import { useFilters } from "../../lib/filters.ts";
import { formatCount, MISSING } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { PAGE_FILTERS, SCHEDULE_STATES } from "../../lib/page-filters.ts";
import { useMay } from "../../session/session.tsx";
import { NewScheduleDialog } from "./new-schedule.tsx";

type Asked = { action: "create" } | { schedule: Schedule; action: "delete" | "preview" };

function stateOf({ paused, reason }: Schedule): (typeof SCHEDULE_STATES)[number] {
  if (!paused) {
    return "active";
  }
  return reason ? "failed" : "paused";
}

/** The recurring schedules. */
export default function SchedulesPage() {
  const [{ state, cursor }, setFilters] = useFilters(PAGE_FILTERS["/schedules"]);
  const mayWrite = useMay("schedules:write");
  const [asked, setAsked] = useState<Asked>();
  const act = useAct(["schedules"]);
  const change = useChange(["schedules"]);
  const schedules = useLiveQuery({
    key: ["schedules", state ?? null, cursor ?? null],
    load: (signal) =>
      send<SchedulePage>("GET", "/api/schedules", { query: { state, cursor, limit: 200 }, signal }),
    every: 10,
  });
  const toggle = (one: Schedule) =>
    act(one.paused ? "The schedule continues." : "The schedule is paused.", () =>
      send("POST", `/api/schedules/${one.id}/${one.paused ? "resume" : "pause"}`),
    );
  return (
    <Page
      title="Schedules"
      actions={
        mayWrite && (
          <button type="button" className="primary" onClick={() => setAsked({ action: "create" })}>
            New schedule…
          </button>
        )
      }
    >
      <FilterBar>
        <SelectFilter
          label="State"
          options={SCHEDULE_STATES}
          value={state}
          onChange={(value) => setFilters({ state: value, cursor: undefined })}
        />
      </FilterBar>
      <Loaded query={schedules} what="The schedules cannot be loaded.">
        {({ schedules: rows, nextCursor }) => (
          <>
            {rows.length === 0 ? (
              <Empty title={state ? `No schedule is ${state}` : "There are no recurring schedules"}>
                <p>A schedule sends a notification to a user again and again:</p>
                <pre>{CREATE}</pre>
              </Empty>
            ) : (
              <DataTable
                label="Schedules"
                rows={rows}
                rowKey={({ id }) => id}
                columns={[
                  {
                    title: "Pattern",
                    cell: ({ cron, timezone }) => (
                      <>
                        <code>{cron}</code> {timezone}
                      </>
                    ),
                  },
                  { title: "State", cell: (one) => <Status value={stateOf(one)} /> },
                  {
                    title: "Next",
                    cell: ({ nextAt }) => <Time at={nextAt} />,
                  },
                  {
                    title: "Last",
                    cell: ({ lastAt, lastMessageId }) =>
                      lastMessageId ? (
                        <Link href={`/notifications/${lastMessageId}`}>
                          <Time at={lastAt} />
                        </Link>
                      ) : (
                        <Time at={lastAt} />
                      ),
                  },
                  { title: "Channel", cell: ({ type }) => type },
                  {
                    title: "User",
                    cell: ({ targetUserId }) => (
                      <Link href={`/users/${targetUserId}`}>
                        <code title={targetUserId}>{targetUserId.slice(0, 8)}</code>
                      </Link>
                    ),
                  },
                  { title: "Template", cell: ({ template }) => template?.name ?? MISSING },
                  { title: "Why paused", kind: "text", cell: ({ reason }) => reason ?? MISSING },
                  { title: "Skipped", kind: "number", cell: ({ skipped }) => formatCount(skipped) },
                  {
                    title: "Actions",
                    kind: "actions",
                    cell: (one) => (
                      <>
                        <button
                          type="button"
                          className="small quiet"
                          onClick={() => setAsked({ schedule: one, action: "preview" })}
                        >
                          Next times…
                        </button>
                        {mayWrite && (
                          <>
                            <button type="button" className="small" onClick={() => toggle(one)}>
                              {one.paused ? "Resume" : "Pause"}
                            </button>
                            <button
                              type="button"
                              className="small quiet"
                              onClick={() => setAsked({ schedule: one, action: "delete" })}
                            >
                              Delete…
                            </button>
                          </>
                        )}
                      </>
                    ),
                  },
                ]}
              />
            )}
            <Pager cursor={cursor} next={nextCursor} onMove={(next) => setFilters({ cursor: next })} />
          </>
        )}
      </Loaded>
      {asked?.action === "create" && <NewScheduleDialog onClose={() => setAsked(undefined)} />}
      {asked?.action === "preview" && (
        <NextTimes schedule={asked.schedule} onClose={() => setAsked(undefined)} />
      )}
      {asked?.action === "delete" && (
        <Confirm
          title="Delete this schedule?"
          action="Delete the schedule"
          destroys
          run={() =>
            change("The schedule is deleted.", () => send("DELETE", `/api/schedules/${asked.schedule.id}`))
          }
          onClose={() => setAsked(undefined)}
        >
          <p>
            <code>{asked.schedule.cron}</code> sends nothing any more. Notifications that it has created stay
            as they are.
          </p>
        </Confirm>
      )}
      <Commands
        api={[curl("GET", "/api/schedules"), curl("POST", "/api/schedules/ID/pause"), CREATE]}
        cli={[
          tool("schedules list"),
          tool("schedules get ID"),
          tool("schedules preview ID"),
          tool("schedules create", {
            user: "USER_ID",
            type: "email",
            cron: "0 9 * * MON",
            timezone: "Europe/Vienna",
            payload: '{"subject": "Your week", "text": "…"}',
          }),
          tool("schedules pause ID"),
          tool("schedules resume ID"),
          tool("schedules delete ID"),
        ]}
      />
    </Page>
  );
}

const CREATE = curl("POST", "/api/schedules", {
  body: {
    targetUserId: "USER_ID",
    type: "email",
    cron: "0 9 * * MON",
    timezone: "Europe/Vienna",
    payload: { subject: "Your week", text: "…" },
  },
});

function NextTimes({ schedule: { id, cron }, onClose }: { schedule: Schedule; onClose: () => void }) {
  const preview = useQuery({
    queryKey: ["schedule-preview", id],
    queryFn: ({ signal }) =>
      send<PreviewResponse>("GET", `/api/schedules/${id}/preview`, { query: { count: 10 }, signal }),
  });
  return (
    <Dialog title={`Next times of ${cron}`} onClose={onClose}>
      <div className="dialog-body">
        <Loaded query={preview} what="The times cannot be loaded.">
          {({ occurrences }) => (
            <ol>
              {occurrences.map((at) => (
                <li key={at}>
                  <Time at={at} />
                </li>
              ))}
            </ol>
          )}
        </Loaded>
      </div>
    </Dialog>
  );
}

import { Link } from "wouter";
import { send } from "../../api/client.ts";
import type { AuditEntry, AuditPage as AuditList } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { FilterBar, TextFilter, TimeFilter } from "../../components/filters.tsx";
import { Page } from "../../components/page.tsx";
import { Pager } from "../../components/pager.tsx";
import { Time } from "../../components/time.tsx";
import { curl, tool } from "../../lib/commands.ts";
import { useFilters, without } from "../../lib/filters.ts";
import { MISSING } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";

const NAMES = ["action", "actor", "target", "from", "to", "cursor"] as const;

/** Who changed what. */
export default function AuditPage() {
  const [filters, change] = useFilters(NAMES);
  const { cursor, ...conditions } = filters;
  const entries = useLiveQuery({
    key: ["audit", filters],
    load: (signal) => send<AuditList>("GET", "/api/audit", { query: filters, signal }),
    every: 10,
  });
  const field = (name: keyof typeof conditions) => ({
    value: conditions[name],
    onChange: (value: string | undefined) => change({ [name]: value, cursor: undefined }),
  });
  const hasFilters = Object.keys(conditions).length > 0;
  return (
    <Page title="Audit">
      <FilterBar onClear={hasFilters ? () => change(without(NAMES)) : undefined}>
        <TextFilter label="Action" placeholder="template.put" {...field("action")} />
        <TextFilter label="Actor" {...field("actor")} />
        <TextFilter label="Target id" {...field("target")} />
        <TimeFilter label="From" {...field("from")} />
        <TimeFilter label="Before" {...field("to")} />
      </FilterBar>
      <Loaded query={entries} what="The audit log cannot be loaded.">
        {(page) =>
          page.entries.length === 0 ? (
            <Empty title={hasFilters ? "No entry matches" : "The audit log is empty"}>
              <p>Each change by the API, the command line or this dashboard writes an entry.</p>
            </Empty>
          ) : (
            <>
              <DataTable
                label="Audit log"
                rows={page.entries}
                rowKey={({ id }) => id}
                columns={[
                  { title: "Time", cell: ({ at }) => <Time at={at} /> },
                  { title: "Action", cell: ({ action }) => <code>{action}</code> },
                  { title: "Outcome", cell: ({ outcome }) => outcome },
                  { title: "Actor", cell: ({ actor }) => <Named kind={actor.kind} id={actor.id} /> },
                  {
                    title: "Target",
                    cell: ({ target }) => (target ? <Named kind={target.kind} id={target.id} /> : MISSING),
                  },
                  { title: "Details", kind: "text", cell: (entry) => <Details entry={entry} /> },
                ]}
              />
              <Pager cursor={cursor} next={page.nextCursor} onMove={(next) => change({ cursor: next })} />
            </>
          )
        }
      </Loaded>
      <Commands
        api={[curl("GET", "/api/audit", { query: conditions })]}
        cli={[
          tool("audit", {
            action: conditions.action,
            actor: conditions.actor,
            target: conditions.target,
            from: conditions.from,
            to: conditions.to,
          }),
        ]}
      />
    </Page>
  );
}

/** The pages of things that an entry names. */
const PATHS: Record<string, (id: string) => string> = {
  notification: (id) => `/notifications/${id}`,
  user: (id) => `/users/${id}`,
  job: (id) => `/jobs?id=${id}`,
};

/** A kind and an id. A UUID is shortened. */
function Named({ kind, id }: { kind: string; id?: string | null | undefined }) {
  if (!id) {
    return kind;
  }
  const isUuid = /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(id);
  const text = <code title={id}>{isUuid ? id.slice(0, 8) : id}</code>;
  const path = isUuid ? PATHS[kind]?.(id) : undefined;
  return (
    <>
      {kind} {path ? <Link href={path}>{text}</Link> : text}
    </>
  );
}

function Details({ entry: { details, ip } }: { entry: AuditEntry }) {
  const parts = Object.entries(details).map(([name, value]) => `${name}: ${text(value)}`);
  if (ip) {
    parts.push(`from ${ip}`);
  }
  return parts.length === 0 ? MISSING : parts.join(", ");
}

const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

import { Link } from "wouter";
import { send } from "../../api/client.ts";
import type { Overview } from "../../api/overview.ts";
import { Commands } from "../../components/commands.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { Page, Section } from "../../components/page.tsx";
import { Time } from "../../components/time.tsx";
import { curl, tool } from "../../lib/commands.ts";
import { counted } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { Problems } from "../overview/problems.tsx";
import { Findings } from "./findings.tsx";
import { Retention } from "./retention.tsx";
import { Settings } from "./settings.tsx";

/** The processes, what is wrong with the servers, how much is kept, and the settings. */
export default function SystemPage() {
  const overview = useLiveQuery({
    key: ["overview"],
    load: (signal) => send<Overview>("GET", "/api/overview", { signal }),
  });
  return (
    <Page title="System">
      <Loaded query={overview} what="The processes cannot be loaded.">
        {({ processes = [], problems }) => (
          <>
            <Problems
              problems={problems.filter(({ link }) => link === "/system")}
              empty={
                problems.length === 0 ? (
                  "No problem was found."
                ) : (
                  <>
                    Nothing is wrong with the servers and processes.{" "}
                    <Link href="/">
                      {counted(problems.length, "other problem is", "other problems are")} in the overview
                    </Link>
                  </>
                )
              }
            />
            <Section title="Processes">
              {processes.length === 0 ? (
                <Empty title="No process has reported">
                  <p>
                    No process has reported to PostgreSQL within 20 s. Check that PostgreSQL can be reached,
                    and start a worker.
                  </p>
                </Empty>
              ) : (
                <DataTable
                  label="Processes"
                  rows={processes}
                  rowKey={({ program, startedAt, stages }) => `${program} ${startedAt} ${stages.join()}`}
                  columns={[
                    { title: "Program", cell: ({ program }) => program },
                    { title: "Version", cell: ({ version }) => version },
                    { title: "Started", cell: ({ startedAt }) => <Time at={startedAt} ago /> },
                    { title: "Last report", cell: ({ seenAt }) => <Time at={seenAt} ago /> },
                    { title: "Stages", kind: "text", cell: ({ stages }) => stages.join(", ") || "–" },
                  ]}
                />
              )}
            </Section>
          </>
        )}
      </Loaded>
      <Findings />
      <Retention />
      <Settings />
      <Commands
        api={[
          curl("GET", "/api/overview"),
          curl("GET", "/api/system/findings"),
          curl("GET", "/api/system/retention"),
          curl("GET", "/api/system/settings"),
        ]}
        cli={[
          tool("overview"),
          tool("doctor"),
          tool("retention show"),
          tool("retention run --dry-run"),
          tool("config show"),
        ]}
      />
    </Page>
  );
}

import { Link } from "wouter";
import { loadJob, loadJobs } from "../../api/dead-letters.ts";
import type { JobPage } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { Page } from "../../components/page.tsx";
import { Pager } from "../../components/pager.tsx";
import { curl, tool } from "../../lib/commands.ts";
import { useFilters } from "../../lib/filters.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { JobCard } from "./job.tsx";

const NAMES = ["id", "cursor"] as const;

export function JobsPage() {
  const [{ id, cursor }, change] = useFilters(NAMES);
  const jobs = useLiveQuery<JobPage>({
    key: ["jobs", id ?? null, cursor ?? null],
    load: async (signal) =>
      id ? { jobs: [await loadJob(id, signal)], nextCursor: null } : loadJobs({ cursor, limit: 20 }, signal),
    every: 1,
  });
  const example = id ?? jobs.data?.jobs[0]?.id ?? "ID";
  return (
    <Page title={id ? "Job" : "Jobs"} actions={id && <Link href="/jobs">All jobs</Link>}>
      <Loaded query={jobs} what="The jobs cannot be loaded.">
        {(page) =>
          page.jobs.length === 0 ? (
            <Empty title="There are no jobs">
              <p>
                To replay or discard many dead letters at once, go to{" "}
                <Link href="/dead-letters">Dead letters</Link>. The job then appears here with its progress.
              </p>
            </Empty>
          ) : (
            <>
              <ul className="jobs">
                {page.jobs.map((job) => (
                  <li key={job.id}>
                    <JobCard job={job} />
                  </li>
                ))}
              </ul>
              <Pager cursor={cursor} next={page.nextCursor} onMove={(next) => change({ cursor: next })} />
            </>
          )
        }
      </Loaded>
      <Commands
        api={[
          curl("GET", id ? `/api/jobs/${id}` : "/api/jobs"),
          curl("POST", `/api/jobs/${example}/pause`),
          curl("PATCH", `/api/jobs/${example}`, { body: { ratePerSecond: 10 } }),
          curl("POST", `/api/jobs/${example}/abort`),
        ]}
        cli={[
          tool(id ? `jobs show ${id}` : "jobs list"),
          tool(`jobs pause ${example}`),
          tool(`jobs rate ${example} 10`),
          tool(`jobs abort ${example}`),
        ]}
      />
    </Page>
  );
}

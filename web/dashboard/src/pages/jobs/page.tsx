import { useQueryClient } from "@tanstack/react-query";
import { Link } from "wouter";
import { loadJob, loadJobs } from "../../api/dead-letters.ts";
import type { JobPage } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { FilterBar, SelectFilter } from "../../components/filters.tsx";
import { Page } from "../../components/page.tsx";
import { Pager } from "../../components/pager.tsx";
import { curl, tool } from "../../lib/commands.ts";
import { useFilters } from "../../lib/filters.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { JOB_STATES, PAGE_FILTERS } from "../../lib/page-filters.ts";
import { isActive, JobCard } from "./job.tsx";

export function JobsPage() {
  const [{ id, state, cursor }, change] = useFilters(PAGE_FILTERS["/jobs"]);
  const key = ["jobs", id ?? null, state ?? null, cursor ?? null];
  const known = useQueryClient().getQueryData<JobPage>(key);
  const jobs = useLiveQuery<JobPage>({
    key,
    load: async (signal) =>
      id
        ? { jobs: [await loadJob(id, signal)], nextCursor: null }
        : loadJobs({ state, cursor, limit: 20 }, signal),
    // What has ended does not change.
    every: !known || known.jobs.some(isActive) ? 1 : 10,
  });
  const example = id ?? jobs.data?.jobs[0]?.id ?? "ID";
  return (
    <Page title={id ? "Job" : "Jobs"} actions={id && <Link href="/jobs">All jobs</Link>}>
      {!id && (
        <FilterBar onClear={state ? () => change({ state: undefined, cursor: undefined }) : undefined}>
          <SelectFilter
            label="State"
            options={JOB_STATES}
            value={state}
            onChange={(value) => change({ state: value, cursor: undefined })}
          />
        </FilterBar>
      )}
      <Loaded query={jobs} what="The jobs cannot be loaded.">
        {(page) =>
          page.jobs.length === 0 ? (
            <Empty title={state ? "No job matches" : "There are no jobs"}>
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
                    <JobCard job={job} isAlone={id !== undefined} />
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
          id ? curl("GET", `/api/jobs/${id}`) : curl("GET", "/api/jobs", { query: { state } }),
          curl("POST", `/api/jobs/${example}/pause`),
          curl("PATCH", `/api/jobs/${example}`, { body: { ratePerSecond: 10 } }),
          curl("POST", `/api/jobs/${example}/abort`),
        ]}
        cli={[
          id ? tool(`jobs show ${id}`) : tool("jobs list", { state }),
          tool(`jobs pause ${example}`),
          tool(`jobs resume ${example}`),
          tool(`jobs rate ${example} 10`),
          tool(`jobs abort ${example}`),
        ]}
      />
    </Page>
  );
}

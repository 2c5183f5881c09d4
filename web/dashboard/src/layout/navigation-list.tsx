import { useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import { loadJobs } from "../api/dead-letters.ts";
import { errorsOf, OVERVIEW } from "../api/overview.ts";
import { linkTo } from "../lib/filters.ts";
import { counted, formatCount } from "../lib/format.ts";
import { useLiveQuery } from "../lib/live.tsx";
import { usePages } from "./navigation.ts";

/** The pages, with what needs attention. */
export function Navigation() {
  const [location] = useLocation();
  const strip = useRef<HTMLElement>(null);
  const pages = usePages();
  const counts = useCounts();
  const isCurrent = (path: string) =>
    path === "/" ? location === "/" : location === path || location.startsWith(`${path}/`);
  const current = pages.find(({ path }) => isCurrent(path))?.path;
  const shown = Object.keys(counts).join();
  // On a narrow screen the list is a strip that scrolls: to the page that is shown.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page is current, or more entries have a number
  useEffect(() => {
    const entry = strip.current?.querySelector("[aria-current]");
    if (strip.current && entry) {
      const [outer, inner] = [strip.current.getBoundingClientRect(), entry.getBoundingClientRect()];
      strip.current.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
    }
  }, [current, shown]);
  return (
    <nav className="navigation" aria-label="Dashboard" ref={strip}>
      <ul>
        {pages.map(({ path, title }) => {
          const count = counts[path];
          return (
            <li key={path}>
              <Link href={path} aria-current={path === current ? "page" : undefined}>
                {title}
              </Link>
              {count && (
                <Link
                  href={count.link}
                  className={count.isBad ? "count bad" : "count"}
                  aria-label={count.label}
                  title={count.label}
                >
                  {count.text}
                </Link>
              )}
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

interface Count {
  text: string;
  label: string;
  link: string;
  isBad?: boolean;
}

/** How many jobs are asked for: beyond that, it says that there are more. */
const MOST_JOBS = 20;

/** What needs attention, by the path of its page. */
function useCounts(): Record<string, Count | undefined> {
  const { data: overview } = useLiveQuery({ ...OVERVIEW, every: 15 });
  const { data: jobs } = useLiveQuery({
    key: ["jobs", "running"],
    load: (signal) => loadJobs({ state: "running", limit: MOST_JOBS }, signal),
    every: 15,
  });
  const counts: Record<string, Count | undefined> = {};
  const errors = overview ? errorsOf(overview) : 0;
  if (errors > 0) {
    counts["/"] = { text: formatCount(errors), label: counted(errors, "error"), link: "/", isBad: true };
  }
  const letters = overview?.deadLetters24h ?? 0;
  if (overview && letters > 0) {
    const more = overview.deadLetters24hCapped;
    const day = 24 * 3_600_000;
    const from = new Date(Math.floor((Date.parse(overview.at) - day) / 60_000) * 60_000).toISOString();
    counts["/dead-letters"] = {
      text: formatCount(letters) + (more ? "+" : ""),
      label: `${more ? "More than " : ""}${counted(letters, "new dead letter")} in the last 24 hours`,
      link: linkTo("/dead-letters", { from }),
      isBad: true,
    };
  }
  const running = jobs?.jobs.length ?? 0;
  if (running > 0) {
    const more = jobs?.nextCursor;
    counts["/jobs"] = {
      text: formatCount(running) + (more ? "+" : ""),
      label: `${more ? "More than " : ""}${counted(running, "running job")}`,
      link: linkTo("/jobs", { state: "running" }),
    };
  }
  return counts;
}

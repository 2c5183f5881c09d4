import { Link } from "wouter";
import type { Problem } from "../../api/overview.ts";
import { Section } from "../../components/page.tsx";
import { For } from "../../components/time.tsx";

const LABELS: Record<string, string> = { error: "Error", warning: "Warning", info: "Info" };

/** What is wrong now, each with a link to what it concerns. */
export function Problems({ problems }: { problems: Problem[] }) {
  return (
    <Section title="Problems now">
      {problems.length === 0 ? (
        <p className="note good" role="status">
          No problem was found.
        </p>
      ) : (
        <ul className="problems">
          {problems.map((problem) => (
            <li key={problem.code + problem.message} className={problem.severity}>
              <span className="severity">{LABELS[problem.severity] ?? problem.severity}</span>
              <span className="message">
                {problem.message}
                {problem.since && (
                  <span className="muted">
                    {" "}
                    <For since={problem.since} />
                  </span>
                )}
              </span>
              {problem.link !== "/" && (
                <Link href={problem.link} aria-label={`Show: ${problem.message}`}>
                  Show
                </Link>
              )}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

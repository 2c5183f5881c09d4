import { type ReactNode, useState } from "react";
import { Link, useLocation } from "wouter";
import type { Problem } from "../../api/overview.ts";
import { Section } from "../../components/page.tsx";
import { For } from "../../components/time.tsx";
import { mayRead } from "../../lib/page-scopes.ts";
import { useMay, useSession } from "../../session/session.tsx";
import { SwitchDialog, useProbe } from "./channel-actions.tsx";

const LABELS: Record<string, string> = { error: "Error", warning: "Warning", info: "Info" };

interface Props {
  problems: Problem[];
  /** What is said if there is none. */
  empty?: ReactNode;
}

/** What is wrong now, each with a link to what it concerns, and what can be done about it at once. */
export function Problems({ problems, empty = "No problem was found." }: Props) {
  const [location] = useLocation();
  const { scopes } = useSession();
  return (
    <Section title="Problems now">
      {problems.length === 0 ? (
        <p className="note good" role="status">
          {empty}
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
              <span className="actions">
                <ProblemAction problem={problem} />
                {problem.link !== location && mayRead(problem.link, scopes) && (
                  <Link href={problem.link} aria-label={`Show: ${problem.message}`}>
                    Show
                  </Link>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

/** What ends a problem of a channel, if a button can. */
function ProblemAction({ problem: { code, channel, count } }: { problem: Problem }) {
  const mayControl = useMay("sending:control");
  const probe = useProbe();
  const [isAsked, setAsked] = useState(false);
  if (!mayControl || !channel) {
    return null;
  }
  switch (code) {
    case "provider_away":
    case "credentials_refused":
      return (
        <button type="button" className="small" onClick={() => void probe(channel)}>
          Probe now<span className="hidden"> the provider of {channel}</span>
        </button>
      );
    case "channel_stopped":
      return (
        <>
          <button type="button" className="small" onClick={() => setAsked(true)}>
            Start…<span className="hidden"> {channel}</span>
          </button>
          {isAsked && (
            <SwitchDialog
              channel={channel}
              depth={count ?? 0}
              action="start"
              onClose={() => setAsked(false)}
            />
          )}
        </>
      );
    default:
      return null;
  }
}

import { Link } from "wouter";
import type { Rung } from "../../api/overview.ts";
import { Section, TableFrame } from "../../components/page.tsx";
import { linkTo } from "../../lib/filters.ts";
import { formatCount, formatDuration } from "../../lib/format.ts";

/** The queues in which messages wait for another attempt. */
export function Ladder({ ladder }: { ladder: Rung[] }) {
  const max = Math.max(...ladder.map(({ messages }) => messages ?? 0), 1);
  return (
    <Section title="Retries">
      {ladder.length === 0 ? (
        <p className="muted">There are no retries: MAX_RETRIES is 0.</p>
      ) : (
        <TableFrame label="Retries">
          <table className="narrow">
            <thead>
              <tr>
                <th scope="col">Retry</th>
                <th scope="col">Waits for</th>
                <th scope="col" className="number">
                  Messages
                </th>
                <th scope="col">
                  <span className="hidden">Share</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {ladder.map(({ rung, delayMs, messages }) => (
                <tr key={rung}>
                  <th scope="row">{rung}</th>
                  <td>{formatDuration(delayMs)}</td>
                  <td className="number">
                    {messages ? (
                      <Link href={linkTo("/notifications", { status: "retrying" })}>
                        {formatCount(messages)}
                      </Link>
                    ) : (
                      formatCount(messages)
                    )}
                  </td>
                  <td>
                    <meter min={0} max={max} value={messages ?? 0} aria-label={`Messages on retry ${rung}`} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableFrame>
      )}
    </Section>
  );
}

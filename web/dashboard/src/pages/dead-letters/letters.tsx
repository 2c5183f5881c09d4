import { Link } from "wouter";
import type { BulkKind } from "../../api/dead-letters.ts";
import type { DeadLetter } from "../../api/types.gen.ts";
import { TableFrame } from "../../components/page.tsx";
import { Time } from "../../components/time.tsx";
import { linkTo } from "../../lib/filters.ts";
import { formatCount, MISSING } from "../../lib/format.ts";

interface Props {
  letters: DeadLetter[];
  mayWrite: boolean;
  ask: (kind: BulkKind, id: string) => void;
}

export function LetterTable({ letters, mayWrite, ask }: Props) {
  return (
    <TableFrame label="Latest dead letters">
      <table className="cards">
        <thead>
          <tr>
            <th scope="col">Failed</th>
            <th scope="col">Reason</th>
            <th scope="col">Channel</th>
            <th scope="col">Provider or host</th>
            <th scope="col">Error</th>
            <th scope="col" className="number">
              Attempts
            </th>
            <th scope="col">User</th>
            {mayWrite && (
              <th scope="col">
                <span className="hidden">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {letters.map((letter) => (
            <tr key={letter.id}>
              <th scope="row">
                <Link
                  href={
                    letter.kind === "notification"
                      ? `/notifications/${letter.id}`
                      : linkTo("/dead-letters", { id: letter.id })
                  }
                >
                  <Time at={letter.failedAt} />
                </Link>
              </th>
              <td>{letter.reason}</td>
              <td>{letter.channel ?? MISSING}</td>
              <td data-label="Provider">{letter.provider ?? MISSING}</td>
              <td className="text">
                {letter.error ?? MISSING}
                {letter.kind === "message" && (
                  <div className="muted">not recorded; message {letter.messageId ?? "without an id"}</div>
                )}
              </td>
              <td className="number" data-label="Attempts">
                {formatCount(letter.attempts)}
              </td>
              <td>
                {letter.userId ? (
                  <Link href={`/users/${letter.userId}`}>
                    <code title={letter.userId}>{letter.userId.slice(0, 8)}</code>
                  </Link>
                ) : (
                  MISSING
                )}
              </td>
              {mayWrite && (
                <td className="row-actions">
                  {letter.hasContent ? (
                    <button type="button" className="small" onClick={() => ask("replay", letter.id)}>
                      Replay…
                    </button>
                  ) : (
                    <span className="muted">payload erased</span>
                  )}
                  <button type="button" className="small quiet" onClick={() => ask("purge", letter.id)}>
                    Discard…
                  </button>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

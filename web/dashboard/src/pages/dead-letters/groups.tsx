import { Link } from "wouter";
import type { BulkKind, DeadLetterFilter } from "../../api/dead-letters.ts";
import type { DeadLetterGroup } from "../../api/types.gen.ts";
import { TableFrame } from "../../components/page.tsx";
import { Time } from "../../components/time.tsx";
import { linkTo } from "../../lib/filters.ts";
import { formatCount } from "../../lib/format.ts";

interface Props {
  groups: DeadLetterGroup[];
  filter: DeadLetterFilter;
  mayWrite: boolean;
  ask: (kind: BulkKind, group: { reason: string; channel: string }) => void;
}

export function GroupTable({ groups, filter: { ids: _ids, ...filter }, mayWrite, ask }: Props) {
  return (
    <TableFrame label="Dead letters by reason and channel">
      <table className="cards">
        <thead>
          <tr>
            <th scope="col">Reason</th>
            <th scope="col">Channel</th>
            <th scope="col" className="number">
              Count
            </th>
            <th scope="col">Last</th>
            <th scope="col">First</th>
            <th scope="col">Error of the last one</th>
            {mayWrite && (
              <th scope="col">
                <span className="hidden">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {groups.map(({ reason, channel, count, firstFailedAt, lastFailedAt, error }) => {
            const group = { reason, channel: channel ?? "none" };
            const link = linkTo("/dead-letters", { ...filter, ...group });
            return (
              <tr key={`${reason} ${channel}`}>
                <th scope="row">
                  <Link href={link}>{reason}</Link>
                </th>
                <td>{channel ?? "none"}</td>
                <td className="number" data-label="Count">
                  <Link href={link}>{formatCount(count)}</Link>
                </td>
                <td data-label="Last">
                  <Time at={lastFailedAt} ago />
                </td>
                <td data-label="First">
                  <Time at={firstFailedAt} ago />
                </td>
                <td className="text">{error ?? "–"}</td>
                {mayWrite && (
                  <td className="row-actions">
                    <button type="button" className="small" onClick={() => ask("replay", group)}>
                      Replay…
                    </button>
                    <button type="button" className="small quiet" onClick={() => ask("purge", group)}>
                      Discard…
                    </button>
                  </td>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </TableFrame>
  );
}

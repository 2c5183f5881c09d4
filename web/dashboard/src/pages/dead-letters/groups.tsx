import { Link } from "wouter";
import type { BulkKind, DeadLetterFilter } from "../../api/dead-letters.ts";
import type { DeadLetterGroup } from "../../api/types.gen.ts";
import { TableFrame } from "../../components/page.tsx";
import { RemedyText } from "../../components/remedy.tsx";
import { Time } from "../../components/time.tsx";
import { linkTo } from "../../lib/filters.ts";
import { formatCount, MISSING } from "../../lib/format.ts";

interface Props {
  groups: DeadLetterGroup[];
  filter: DeadLetterFilter;
  mayWrite: boolean;
  ask: (kind: BulkKind, group: DeadLetterFilter) => void;
}

export function GroupTable({ groups, filter: { ids: _ids, ...filter }, mayWrite, ask }: Props) {
  return (
    <TableFrame label="Dead letters by reason, channel and provider">
      <table className="cards">
        <thead>
          <tr>
            <th scope="col">Reason</th>
            <th scope="col">Channel</th>
            <th scope="col">Provider or host</th>
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
          {groups.map(
            ({ reason, channel, provider, count, isCapped, firstFailedAt, lastFailedAt, error }) => {
              const group = { reason, channel: channel ?? "none", provider: provider ?? "none" };
              const link = linkTo("/dead-letters", { ...filter, ...group });
              return (
                <tr key={`${reason} ${channel} ${provider}`}>
                  <th scope="row">
                    <Link href={link}>{reason}</Link>
                  </th>
                  <td>{channel ?? "none"}</td>
                  <td data-label="Provider">{provider ?? MISSING}</td>
                  <td className="number" data-label="Count">
                    <Link href={link} title={isCapped ? "There are more than are counted" : undefined}>
                      {formatCount(count)}
                      {isCapped && "+"}
                    </Link>
                  </td>
                  <td data-label="Last">
                    <Time at={lastFailedAt} ago />
                  </td>
                  <td data-label="First">
                    <Time at={firstFailedAt} ago />
                  </td>
                  <td className="text">
                    {error ?? MISSING}
                    <div className="muted">
                      <RemedyText reason={reason} failed={{ channel }} />
                    </div>
                  </td>
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
            },
          )}
        </tbody>
      </table>
    </TableFrame>
  );
}

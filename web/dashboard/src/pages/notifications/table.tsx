import { Link } from "wouter";
import type { NotificationFilters } from "../../api/notifications.ts";
import type { Notification } from "../../api/types.gen.ts";
import { TableFrame } from "../../components/page.tsx";
import { Status } from "../../components/status.tsx";
import { Time } from "../../components/time.tsx";
import { linkTo } from "../../lib/filters.ts";
import { MISSING } from "../../lib/format.ts";

interface Props {
  notifications: Notification[];
  /** The message ids that are selected; without it, nothing can be selected. */
  selected?: ReadonlySet<string> | undefined;
  select?: (selected: ReadonlySet<string>) => void;
  /** The filters of the list. With them, a value is a link that filters by it as well. */
  filters?: NotificationFilters;
}

export function NotificationTable({ notifications, selected, select, filters }: Props) {
  const also = (name: keyof NotificationFilters, value: string) =>
    filters && filters[name] !== value ? (
      <Link href={linkTo("/notifications", { ...filters, cursor: undefined, [name]: value })}>{value}</Link>
    ) : (
      value
    );
  const isAll = selected !== undefined && notifications.every(({ messageId }) => selected.has(messageId));
  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) {
      next.add(id);
    }
    select?.(next);
  };
  return (
    <TableFrame label="Notifications">
      <table className="cards">
        <thead>
          <tr>
            {selected && (
              <th scope="col" className="check">
                <input
                  type="checkbox"
                  aria-label="Select all of this page"
                  checked={isAll}
                  onChange={() =>
                    select?.(new Set(isAll ? [] : notifications.map(({ messageId }) => messageId)))
                  }
                />
              </th>
            )}
            <th scope="col">Accepted</th>
            <th scope="col">Status</th>
            <th scope="col">Channel</th>
            <th scope="col">Error or reason</th>
            <th scope="col">User</th>
            <th scope="col">Category, template</th>
            <th scope="col" className="number">
              Retries
            </th>
          </tr>
        </thead>
        <tbody>
          {notifications.map((one) => (
            <tr key={one.messageId}>
              {selected && (
                <td className="check">
                  <input
                    type="checkbox"
                    aria-label={`Select ${one.messageId}`}
                    checked={selected.has(one.messageId)}
                    onChange={() => toggle(one.messageId)}
                  />
                </td>
              )}
              <th scope="row">
                <Link href={`/notifications/${one.messageId}`} title={one.messageId}>
                  <Time at={one.createdAt} />
                </Link>
              </th>
              <td>
                <Status value={one.status} />
              </td>
              <td>{also("channel", one.type)}</td>
              <td className={why(one) === MISSING ? "text missing" : "text"}>{why(one)}</td>
              <td>
                {one.targetUserId ? (
                  <Link href={`/users/${one.targetUserId}`}>
                    <code title={one.targetUserId}>{one.targetUserId.slice(0, 8)}</code>
                  </Link>
                ) : (
                  MISSING
                )}
              </td>
              <td className={one.category || one.template ? undefined : "missing"}>
                {one.category && also("category", one.category)}
                {one.category && one.template && ", "}
                {one.template && also("template", one.template.name)}
                {!one.category && !one.template && MISSING}
              </td>
              <td className="number" data-label="Retries">
                {one.retriesAttempted}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

/** The error, or the reason why it waits or was not sent. */
function why({ errorMessage, decision, status }: Notification): string {
  if (errorMessage && status !== "processed") {
    return errorMessage;
  }
  return decision.reason ?? MISSING;
}

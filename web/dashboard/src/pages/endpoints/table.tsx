import type { ReactNode } from "react";
import { Link } from "wouter";
import type { WebhookEndpoint } from "../../api/types.gen.ts";
import { DataTable } from "../../components/data-table.tsx";
import { Status } from "../../components/status.tsx";
import { Time } from "../../components/time.tsx";
import { linkTo } from "../../lib/filters.ts";
import { formatCount, formatRatio, MISSING } from "../../lib/format.ts";

interface Props {
  endpoints: WebhookEndpoint[];
  /** The buttons of an endpoint. */
  actions: ((endpoint: WebhookEndpoint) => ReactNode) | undefined;
}

/** The endpoints, and how they fare. */
export function EndpointTable({ endpoints, actions }: Props) {
  return (
    <DataTable
      label="Endpoints"
      rows={endpoints}
      rowKey={({ id }) => id}
      columns={[
        {
          title: "URL",
          kind: "text",
          cell: ({ id, url, description }) => (
            <>
              <span className="url" title={id}>
                {url}
              </span>
              {description && <div className="detail">{description}</div>}
            </>
          ),
        },
        { title: "State", cell: (one) => <State endpoint={one} /> },
        {
          title: "Last success",
          cell: ({ health }) => (health?.lastSuccessAt ? <Time at={health.lastSuccessAt} ago /> : "never"),
        },
        { title: "Failed, last 24 h", kind: "number", cell: (one) => <Failures endpoint={one} /> },
        {
          title: "User",
          cell: ({ userId }) => (
            <Link href={`/users/${userId}`}>
              <code title={userId}>{userId.slice(0, 8)}</code>
            </Link>
          ),
        },
        { title: "Changed", cell: ({ updatedAt }) => <Time at={updatedAt} ago /> },
        {
          title: "Dead letters",
          cell: ({ id }) => <Link href={linkTo("/dead-letters", { endpointId: id })}>not received</Link>,
        },
        actions !== undefined && { title: "Actions", kind: "actions", cell: actions },
      ]}
    />
  );
}

function State({ endpoint: { enabled, disabledReason, health } }: { endpoint: WebhookEndpoint }) {
  return (
    <>
      <Status value={enabled ? "enabled" : "disabled"} />
      {health?.isAway && <Status value="away" label="host is away" />}
      {disabledReason && <div className="detail">{disabledReason}</div>}
    </>
  );
}

/** The attempts that failed, and their share. */
function Failures({ endpoint: { health } }: { endpoint: WebhookEndpoint }) {
  if (!health || health.failureRatio === null || health.failureRatio === undefined) {
    return <>{MISSING}</>;
  }
  return (
    <>
      {formatRatio(health.failureRatio)}
      <div className="detail">
        {formatCount(health.failed)} of {formatCount(health.failed + health.succeeded)} attempts
      </div>
    </>
  );
}

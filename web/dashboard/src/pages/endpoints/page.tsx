import { useState } from "react";
import { Link } from "wouter";
import { send } from "../../api/client.ts";
import type { RotatedSecret, WebhookEndpoint, WebhookEndpointPage } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { Copy } from "../../components/copy.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { Confirm, Dialog } from "../../components/dialog.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { FilterBar, SelectFilter, TextFilter } from "../../components/filters.tsx";
import { Page } from "../../components/page.tsx";
import { Pager } from "../../components/pager.tsx";
import { Status } from "../../components/status.tsx";
import { Time } from "../../components/time.tsx";
import { useAct } from "../../lib/act.ts";
import { curl } from "../../lib/commands.ts";
import { linkTo, useFilters, without } from "../../lib/filters.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { useMay } from "../../session/session.tsx";

const NAMES = ["userId", "state", "cursor"] as const;
const STATES = ["enabled", "disabled"] as const;

interface Asked {
  action: "rotate" | "disable" | "delete";
  endpoint: WebhookEndpoint;
}

const stateOf = ({ enabled }: WebhookEndpoint): string => (enabled ? "enabled" : "disabled");

/** Where webhooks are sent. */
export default function EndpointsPage() {
  const [{ userId, state, cursor }, change] = useFilters(NAMES);
  const mayWrite = useMay("contacts:write");
  const [asked, setAsked] = useState<Asked>();
  const [secret, setSecret] = useState<string>();
  const act = useAct(["endpoints"]);
  const endpoints = useLiveQuery({
    key: ["endpoints", userId ?? null, cursor ?? null],
    load: (signal) =>
      send<WebhookEndpointPage>("GET", "/api/webhook-endpoints", {
        query: { userId, cursor, limit: 200 },
        signal,
      }),
    every: 10,
  });
  const known = STATES.find((one) => one === state);
  const path = (endpoint: WebhookEndpoint) => `/api/webhook-endpoints/${endpoint.id}`;
  const ping = (endpoint: WebhookEndpoint) =>
    act("A ping is on its way. Its result is in Notifications.", () =>
      send("POST", `${path(endpoint)}/ping`),
    );
  const enable = (endpoint: WebhookEndpoint, enabled: boolean) =>
    act(enabled ? "The endpoint is enabled." : "The endpoint is disabled.", () =>
      send("PATCH", path(endpoint), { body: { enabled } }),
    );
  const close = () => setAsked(undefined);
  return (
    <Page title="Endpoints">
      <FilterBar onClear={userId || known ? () => change(without(NAMES)) : undefined}>
        <SelectFilter
          label="State"
          options={STATES}
          value={known}
          onChange={(value) => change({ state: value })}
        />
        <TextFilter
          label="User id"
          value={userId}
          onChange={(value) => change({ userId: value, cursor: undefined })}
        />
      </FilterBar>
      <Loaded query={endpoints} what="The endpoints cannot be loaded.">
        {(page) => {
          const rows = page.webhookEndpoints.filter((one) => !known || stateOf(one) === known);
          return (
            <>
              {rows.length === 0 ? (
                <Empty title={known || userId ? "No endpoint matches" : "There are no webhook endpoints"}>
                  <p>A user's webhooks go to the endpoints of the user. To create one:</p>
                  <pre>{CREATE}</pre>
                </Empty>
              ) : (
                <DataTable
                  label="Endpoints"
                  rows={rows}
                  rowKey={({ id }) => id}
                  columns={[
                    {
                      title: "URL",
                      kind: "text",
                      cell: ({ url, description }) => (
                        <>
                          <span className="url">{url}</span>
                          {description && <div className="detail">{description}</div>}
                        </>
                      ),
                    },
                    { title: "State", cell: (one) => <Status value={stateOf(one)} /> },
                    {
                      title: "Why disabled",
                      kind: "text",
                      cell: ({ disabledReason }) => disabledReason ?? "–",
                    },
                    {
                      title: "User",
                      cell: (one) => (
                        <Link href={`/users/${one.userId}`}>
                          <code title={one.userId}>{one.userId.slice(0, 8)}</code>
                        </Link>
                      ),
                    },
                    { title: "Changed", cell: ({ updatedAt }) => <Time at={updatedAt} ago /> },
                    {
                      title: "Notifications",
                      cell: (one) => (
                        <Link href={linkTo("/notifications", { host: hostOf(one.url), status: "failed" })}>
                          failed
                        </Link>
                      ),
                    },
                    mayWrite && {
                      title: "Actions",
                      kind: "actions",
                      cell: (one) => (
                        <>
                          <button
                            type="button"
                            className="small"
                            onClick={() => void ping(one)}
                            disabled={!one.enabled}
                          >
                            Ping
                          </button>
                          <button
                            type="button"
                            className="small"
                            onClick={() =>
                              one.enabled
                                ? setAsked({ action: "disable", endpoint: one })
                                : void enable(one, true)
                            }
                          >
                            {one.enabled ? "Disable…" : "Enable"}
                          </button>
                          <button
                            type="button"
                            className="small quiet"
                            onClick={() => setAsked({ action: "rotate", endpoint: one })}
                          >
                            Rotate secret…
                          </button>
                          <button
                            type="button"
                            className="small quiet"
                            onClick={() => setAsked({ action: "delete", endpoint: one })}
                          >
                            Delete…
                          </button>
                        </>
                      ),
                    },
                  ]}
                />
              )}
              <Pager cursor={cursor} next={page.nextCursor} onMove={(next) => change({ cursor: next })} />
            </>
          );
        }}
      </Loaded>
      {asked?.action === "disable" && (
        <Confirm
          title="Disable this endpoint?"
          action="Disable the endpoint"
          destroys
          run={() => enable(asked.endpoint, false)}
          onClose={close}
        >
          <p>Nothing more is sent to {asked.endpoint.url}, until somebody enables it again.</p>
        </Confirm>
      )}
      {asked?.action === "delete" && (
        <Confirm
          title="Delete this endpoint?"
          action="Delete the endpoint"
          destroys
          run={() => act("The endpoint is deleted.", () => send("DELETE", path(asked.endpoint)))}
          onClose={close}
        >
          <p>Nothing more is sent to {asked.endpoint.url}. It cannot be undone.</p>
        </Confirm>
      )}
      {asked?.action === "rotate" && (
        <Confirm
          title="Give this endpoint another secret?"
          action="Rotate the secret"
          run={async () =>
            setSecret((await send<RotatedSecret>("POST", `${path(asked.endpoint)}/rotate-secret`)).secret)
          }
          onClose={close}
        >
          <p>For a while, requests are signed with both secrets, so that the receiver can change over.</p>
        </Confirm>
      )}
      {secret && (
        <Dialog title="The new secret" onClose={() => setSecret(undefined)}>
          <div className="dialog-body">
            <p>Copy it now: nothing shows it again.</p>
            <pre>{secret}</pre>
            <Copy text={secret} />
          </div>
        </Dialog>
      )}
      <Commands
        api={[
          curl("GET", "/api/webhook-endpoints", { query: { userId } }),
          CREATE,
          curl("POST", "/api/webhook-endpoints/ID/ping"),
          curl("PATCH", "/api/webhook-endpoints/ID", { body: { enabled: false } }),
        ]}
        cli={[]}
      />
    </Page>
  );
}

const CREATE = curl("POST", "/api/webhook-endpoints", {
  body: { userId: "USER_ID", url: "https://hooks.example.com/tidings" },
});

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}

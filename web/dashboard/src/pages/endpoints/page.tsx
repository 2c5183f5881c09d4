import { useState } from "react";
import { Link } from "wouter";
import { send } from "../../api/client.ts";
import type { RotatedSecret, WebhookEndpoint, WebhookEndpointPage } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { Copy } from "../../components/copy.tsx";
import { Confirm, Dialog } from "../../components/dialog.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { FilterBar, SelectFilter, TextFilter } from "../../components/filters.tsx";
import { Page } from "../../components/page.tsx";
import { Pager } from "../../components/pager.tsx";
import { useAct, useChange } from "../../lib/act.ts";
import { curl, tool } from "../../lib/commands.ts";
import { useFilters, without } from "../../lib/filters.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { ENDPOINT_STATES, PAGE_FILTERS } from "../../lib/page-filters.ts";
import { useMay } from "../../session/session.tsx";
import { ReplayDialog } from "./replay-dialog.tsx";
import { EndpointTable } from "./table.tsx";

const NAMES = PAGE_FILTERS["/endpoints"];

interface Asked {
  action: "rotate" | "disable" | "delete" | "replay";
  endpoint: WebhookEndpoint;
}

/** Where webhooks are sent. */
export default function EndpointsPage() {
  const [{ id, userId, state, cursor }, setFilters] = useFilters(NAMES);
  const mayWrite = useMay("contacts:write");
  const mayReplay = useMay("dead-letters:write");
  const [asked, setAsked] = useState<Asked>();
  const [secret, setSecret] = useState<string>();
  const act = useAct(["endpoints"]);
  const change = useChange(["endpoints"]);
  const query = { userId, state };
  const endpoints = useLiveQuery({
    key: ["endpoints", id ?? null, query, cursor ?? null],
    load: async (signal): Promise<WebhookEndpointPage> =>
      id
        ? {
            webhookEndpoints: [await send("GET", `/api/webhook-endpoints/${id}`, { signal })],
            nextCursor: null,
          }
        : send("GET", "/api/webhook-endpoints", { query: { ...query, cursor, limit: 50 }, signal }),
    every: 10,
  });
  const isFiltered = id !== undefined || userId !== undefined || state !== undefined;
  const path = (endpoint: WebhookEndpoint) => `/api/webhook-endpoints/${endpoint.id}`;
  const ping = (endpoint: WebhookEndpoint) =>
    act("A ping is on its way. Its result is in Notifications.", () =>
      send("POST", `${path(endpoint)}/ping`),
    );
  const enable = (endpoint: WebhookEndpoint) =>
    act("The endpoint is enabled.", () => send("PATCH", path(endpoint), { body: { enabled: true } }));
  const close = () => setAsked(undefined);
  const actions = (one: WebhookEndpoint) => (
    <>
      {mayWrite && (
        <button type="button" className="small" onClick={() => ping(one)} disabled={!one.enabled}>
          Ping
        </button>
      )}
      {mayReplay && (
        <button type="button" className="small" onClick={() => setAsked({ action: "replay", endpoint: one })}>
          Replay…
        </button>
      )}
      {mayWrite && (
        <>
          <button
            type="button"
            className="small"
            onClick={() => (one.enabled ? setAsked({ action: "disable", endpoint: one }) : enable(one))}
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
      )}
    </>
  );
  return (
    <Page title="Endpoints">
      {id && (
        <p>
          The endpoint <code>{id}</code>. <Link href="/endpoints">All endpoints</Link>
        </p>
      )}
      <FilterBar onClear={isFiltered ? () => setFilters(without(NAMES)) : undefined}>
        <SelectFilter
          label="State"
          options={ENDPOINT_STATES}
          value={state}
          onChange={(value) => setFilters({ id: undefined, state: value, cursor: undefined })}
        />
        <TextFilter
          label="User id"
          value={userId}
          onChange={(value) => setFilters({ id: undefined, userId: value, cursor: undefined })}
        />
      </FilterBar>
      <Loaded query={endpoints} what="The endpoints cannot be loaded.">
        {(page) => (
          <>
            {page.webhookEndpoints.length === 0 ? (
              <Empty title={isFiltered ? "No endpoint matches" : "There are no webhook endpoints"}>
                <p>A user's webhooks go to the endpoints of the user. To create one:</p>
                <pre>{CREATE}</pre>
              </Empty>
            ) : (
              <EndpointTable
                endpoints={page.webhookEndpoints}
                actions={mayWrite || mayReplay ? actions : undefined}
              />
            )}
            <Pager cursor={cursor} next={page.nextCursor} onMove={(next) => setFilters({ cursor: next })} />
          </>
        )}
      </Loaded>
      {asked?.action === "replay" && <ReplayDialog endpoint={asked.endpoint} onClose={close} />}
      {asked?.action === "disable" && (
        <Confirm
          title="Disable this endpoint?"
          action="Disable the endpoint"
          destroys
          run={() =>
            change("The endpoint is disabled.", () =>
              send("PATCH", path(asked.endpoint), { body: { enabled: false } }),
            )
          }
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
          run={() => change("The endpoint is deleted.", () => send("DELETE", path(asked.endpoint)))}
          onClose={close}
        >
          <p>Nothing more is sent to {asked.endpoint.url}. It cannot be undone.</p>
        </Confirm>
      )}
      {asked?.action === "rotate" && (
        <Confirm
          title="Give this endpoint another secret?"
          action="Rotate the secret"
          run={() =>
            change("The endpoint has another secret.", async () =>
              setSecret((await send<RotatedSecret>("POST", `${path(asked.endpoint)}/rotate-secret`)).secret),
            )
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
          curl("GET", "/api/webhook-endpoints", { query }),
          CREATE,
          curl("POST", "/api/webhook-endpoints/ID/ping"),
          curl("PATCH", "/api/webhook-endpoints/ID", { body: { enabled: false } }),
          curl("POST", "/api/dead-letters/replay", {
            body: { filter: { endpointId: "ID", from: "2027-03-28T09:00:00Z" }, dryRun: true },
          }),
        ]}
        cli={[
          tool("endpoints list", { user: userId, state }),
          tool("endpoints disable ID"),
          tool("endpoints enable ID"),
          tool("endpoints ping ID"),
          tool("endpoints rotate-secret ID"),
          tool("endpoints delete ID"),
          tool("dlq replay", { endpoint: "ID", from: "2027-03-28T09:00:00Z", "dry-run": true }),
        ]}
      />
    </Page>
  );
}

const CREATE = curl("POST", "/api/webhook-endpoints", {
  body: { userId: "USER_ID", url: "https://hooks.example.com/tidings" },
});

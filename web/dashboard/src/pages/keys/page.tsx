import { useState } from "react";
import { Link } from "wouter";
import { send } from "../../api/client.ts";
import type { ApiKey, ApiKeyPage, ApiKeyWithSecret } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { Copy } from "../../components/copy.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { Confirm, Dialog } from "../../components/dialog.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { FilterBar, SelectFilter, TextFilter } from "../../components/filters.tsx";
import { Page } from "../../components/page.tsx";
import { Pager } from "../../components/pager.tsx";
import { Time } from "../../components/time.tsx";
import { useChange } from "../../lib/act.ts";
import { curl, tool } from "../../lib/commands.ts";
import { useFilters } from "../../lib/filters.ts";
import { MISSING } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { useMay } from "../../session/session.tsx";
import { NewKeyDialog } from "./new-key.tsx";

const NAMES = ["userId", "revoked", "cursor"] as const;

type Asked = { action: "create" } | { action: "revoke" | "rotate"; key: ApiKey };

/** The API keys, without their secrets. */
export default function KeysPage() {
  const [{ cursor, ...filters }, setFilters] = useFilters(NAMES);
  const mayWrite = useMay("keys:write");
  const [asked, setAsked] = useState<Asked>();
  const [secret, setSecret] = useState<string>();
  const change = useChange(["keys"]);
  const keys = useLiveQuery({
    key: ["keys", filters, cursor ?? null],
    load: (signal) => send<ApiKeyPage>("GET", "/api/keys", { query: { ...filters, cursor }, signal }),
    every: 30,
  });
  const close = () => setAsked(undefined);
  return (
    <Page
      title="API keys"
      actions={
        mayWrite && (
          <button type="button" className="primary" onClick={() => setAsked({ action: "create" })}>
            New key…
          </button>
        )
      }
    >
      <FilterBar>
        <TextFilter
          label="User id"
          value={filters.userId}
          onChange={(value) => setFilters({ userId: value, cursor: undefined })}
        />
        <SelectFilter
          label="Revoked"
          any="Not revoked"
          options={[["true", "Revoked too"]]}
          value={filters.revoked}
          onChange={(value) => setFilters({ revoked: value, cursor: undefined })}
        />
      </FilterBar>
      <Loaded query={keys} what="The keys cannot be loaded.">
        {(page) =>
          page.keys.length === 0 ? (
            <Empty title="There are no API keys">
              <p>
                Programs use a key instead of a token. Create one with the scopes that the program needs, and
                no others.
              </p>
            </Empty>
          ) : (
            <>
              <DataTable
                label="API keys"
                rows={page.keys}
                rowKey={({ id }) => id}
                columns={[
                  { title: "Name", cell: ({ name }) => name },
                  { title: "Scopes", kind: "text", cell: ({ scopes }) => scopes.join(", ") },
                  {
                    title: "User",
                    cell: ({ userId }) =>
                      userId ? <Link href={`/users/${userId}`}>{userId.slice(0, 8)}</Link> : "a service",
                  },
                  {
                    title: "Last used",
                    cell: ({ lastUsedAt }) => (lastUsedAt ? <Time at={lastUsedAt} ago /> : "never"),
                  },
                  {
                    title: "Expires",
                    cell: ({ expiresAt }) => (expiresAt ? <Time at={expiresAt} /> : "never"),
                  },
                  { title: "Created", cell: ({ createdAt }) => <Time at={createdAt} /> },
                  {
                    title: "State",
                    cell: ({ revokedAt, suspendedAt, previousValidUntil }) =>
                      revokedAt ? (
                        <>
                          revoked <Time at={revokedAt} ago />
                        </>
                      ) : suspendedAt ? (
                        "suspended: its user is to be deleted"
                      ) : previousValidUntil ? (
                        <>
                          former secret until <Time at={previousValidUntil} />
                        </>
                      ) : (
                        MISSING
                      ),
                  },
                  mayWrite && {
                    title: "Actions",
                    kind: "actions",
                    cell: (key) =>
                      !key.revokedAt && (
                        <>
                          <button
                            type="button"
                            className="small"
                            onClick={() => setAsked({ action: "rotate", key })}
                          >
                            Rotate…
                          </button>
                          <button
                            type="button"
                            className="small quiet"
                            onClick={() => setAsked({ action: "revoke", key })}
                          >
                            Revoke…
                          </button>
                        </>
                      ),
                  },
                ]}
              />
              <Pager cursor={cursor} next={page.nextCursor} onMove={(next) => setFilters({ cursor: next })} />
            </>
          )
        }
      </Loaded>
      {asked?.action === "create" && (
        <NewKeyDialog
          onClose={close}
          create={(body) =>
            change("The key was created.", async () =>
              setSecret((await send<ApiKeyWithSecret>("POST", "/api/keys", { body })).key),
            )
          }
        />
      )}
      {asked?.action === "revoke" && (
        <Confirm
          title={`Revoke ${asked.key.name}?`}
          action="Revoke the key"
          destroys
          run={() => change("The key is revoked.", () => send("DELETE", `/api/keys/${asked.key.id}`))}
          onClose={close}
        >
          <p>Requests with this key are refused from now on, for good.</p>
        </Confirm>
      )}
      {asked?.action === "rotate" && (
        <Confirm
          title={`Give ${asked.key.name} another secret?`}
          action="Rotate the key"
          run={() =>
            change("The key has another secret.", async () => {
              const path = `/api/keys/${asked.key.id}/rotate`;
              setSecret((await send<ApiKeyWithSecret>("POST", path, { body: {} })).key);
            })
          }
          onClose={close}
        >
          <p>The former secret stays valid for a while, so that the program can change over.</p>
        </Confirm>
      )}
      {secret && (
        <Dialog title="The key" onClose={() => setSecret(undefined)}>
          <div className="dialog-body">
            <p>Copy it now: nothing shows it again.</p>
            <pre>{secret}</pre>
            <Copy text={secret} />
          </div>
        </Dialog>
      )}
      <Commands
        api={[
          curl("GET", "/api/keys", { query: filters }),
          curl("POST", "/api/keys", { body: { name: "shop", scopes: ["notifications:send:any"] } }),
          curl("POST", "/api/keys/ID/rotate", { body: {} }),
          curl("DELETE", "/api/keys/ID"),
        ]}
        cli={[
          tool("keys list"),
          tool("keys create", { name: "shop", scope: "notifications:send:any" }),
          tool("keys rotate ID"),
          tool("keys revoke ID"),
        ]}
      />
    </Page>
  );
}

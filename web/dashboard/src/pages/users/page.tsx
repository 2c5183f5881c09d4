import { Link } from "wouter";
import { send } from "../../api/client.ts";
import type { UserPage as UserList } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { FilterBar, TextFilter } from "../../components/filters.tsx";
import { Page } from "../../components/page.tsx";
import { Pager } from "../../components/pager.tsx";
import { Time } from "../../components/time.tsx";
import { curl, tool } from "../../lib/commands.ts";
import { useFilters, without } from "../../lib/filters.ts";
import { MISSING } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";

const NAMES = ["email", "username", "cursor"] as const;

/** Searches users. */
export default function UsersPage() {
  const [{ cursor, ...filters }, change] = useFilters(NAMES);
  const users = useLiveQuery({
    key: ["users", filters, cursor ?? null],
    load: (signal) => send<UserList>("GET", "/api/users", { query: { ...filters, cursor }, signal }),
    every: 30,
  });
  const hasFilters = Object.keys(filters).length > 0;
  return (
    <Page title="Users">
      <FilterBar onClear={hasFilters ? () => change(without(NAMES)) : undefined}>
        <TextFilter
          label="E-mail address"
          value={filters.email}
          onChange={(value) => change({ email: value, cursor: undefined })}
        />
        <TextFilter
          label="User name"
          value={filters.username}
          onChange={(value) => change({ username: value, cursor: undefined })}
        />
      </FilterBar>
      <Loaded query={users} what="The users cannot be loaded.">
        {(page) =>
          page.users.length === 0 ? (
            <Empty title={hasFilters ? "No user matches" : "There are no users"}>
              {hasFilters ? <p>The whole address or name must match.</p> : <pre>{CREATE}</pre>}
            </Empty>
          ) : (
            <>
              <DataTable
                label="Users"
                rows={page.users}
                rowKey={({ id }) => id}
                columns={[
                  {
                    title: "Name",
                    cell: ({ id, username }) => <Link href={`/users/${id}`}>{username}</Link>,
                  },
                  { title: "E-mail address", kind: "text", cell: ({ email }) => email ?? MISSING },
                  { title: "Phone", cell: ({ phoneNumbers }) => phoneNumbers.join(", ") || MISSING },
                  { title: "Role", cell: ({ role }) => role },
                  { title: "Language", cell: ({ locale }) => locale ?? MISSING },
                  { title: "Created", cell: ({ createdAt }) => <Time at={createdAt} /> },
                ]}
              />
              <Pager cursor={cursor} next={page.nextCursor} onMove={(next) => change({ cursor: next })} />
            </>
          )
        }
      </Loaded>
      <Commands
        api={[curl("GET", "/api/users", { query: filters }), CREATE]}
        cli={[
          tool("users list", { email: filters.email, username: filters.username }),
          tool("users put", { username: "anna", email: "anna@example.com" }),
        ]}
      />
    </Page>
  );
}

const CREATE = curl("POST", "/api/users", { body: { username: "anna", email: "anna@example.com" } });

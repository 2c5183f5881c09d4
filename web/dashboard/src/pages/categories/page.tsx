import { useState } from "react";
import { send } from "../../api/client.ts";
import type { Category, CategoryList } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { Confirm } from "../../components/dialog.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { AreaField, jsonObject, TextField } from "../../components/fields.tsx";
import { Page } from "../../components/page.tsx";
import { useChange } from "../../lib/act.ts";
import { curl, tool } from "../../lib/commands.ts";
import { formatDuration, MISSING } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { useMay } from "../../session/session.tsx";

type Asked = { action: "edit"; category?: Category } | { action: "delete"; category: Category };

/** The categories that recipients choose by. */
export default function CategoriesPage() {
  const mayWrite = useMay("categories:write");
  const [asked, setAsked] = useState<Asked>();
  const change = useChange(["categories"]);
  const categories = useLiveQuery({
    key: ["categories"],
    load: (signal) => send<CategoryList>("GET", "/api/categories", { signal }),
    every: 30,
  });
  const close = () => setAsked(undefined);
  return (
    <Page
      title="Categories"
      actions={
        mayWrite && (
          <button type="button" className="primary" onClick={() => setAsked({ action: "edit" })}>
            New category…
          </button>
        )
      }
    >
      <Loaded query={categories} what="The categories cannot be loaded.">
        {(list) =>
          list.categories.length === 0 ? (
            <Empty title="There are no categories">
              <p>Recipients choose by category what they receive. Create one, and name it when you send.</p>
            </Empty>
          ) : (
            <DataTable
              label="Categories"
              rows={list.categories}
              rowKey={({ name }) => name}
              columns={[
                { title: "Name", cell: ({ name }) => <code>{name}</code> },
                { title: "Kind", cell: ({ kind }) => kind },
                { title: "Label", cell: ({ label }) => label ?? MISSING },
                { title: "Description", kind: "text", cell: ({ description }) => description ?? MISSING },
                { title: "Quiet hours", cell: ({ quiet }) => quiet },
                {
                  title: "Limit",
                  cell: ({ throttle }) =>
                    throttle ? `${throttle.limit} in ${formatDuration(throttle.windowSecs * 1000)}` : MISSING,
                },
                { title: "Digest", cell: ({ digest }) => digest?.mode ?? MISSING },
                { title: "Listed", cell: ({ listed }) => (listed ? "yes" : "no") },
                mayWrite && {
                  title: "Actions",
                  kind: "actions",
                  cell: (category) =>
                    category.builtIn ? (
                      <span className="muted">built in</span>
                    ) : (
                      <>
                        <button
                          type="button"
                          className="small"
                          onClick={() => setAsked({ action: "edit", category })}
                        >
                          Edit…
                        </button>
                        <button
                          type="button"
                          className="small quiet"
                          onClick={() => setAsked({ action: "delete", category })}
                        >
                          Delete…
                        </button>
                      </>
                    ),
                },
              ]}
            />
          )
        }
      </Loaded>
      {asked?.action === "edit" && <EditDialog category={asked.category} onClose={close} />}
      {asked?.action === "delete" && (
        <Confirm
          title={`Delete ${asked.category.name}?`}
          action="Delete the category"
          destroys
          run={() =>
            change("The category is deleted.", () =>
              send("DELETE", `/api/categories/${encodeURIComponent(asked.category.name)}`),
            )
          }
          onClose={close}
        >
          <p>Notifications that name it are refused from now on.</p>
        </Confirm>
      )}
      <Commands
        api={[
          curl("GET", "/api/categories"),
          curl("PUT", "/api/categories/order-updates", { body: { kind: "transactional", label: "Orders" } }),
        ]}
        cli={[
          tool("categories list"),
          tool("categories set order-updates", { kind: "transactional" }),
          tool("categories delete order-updates"),
        ]}
      />
    </Page>
  );
}

function EditDialog({ category, onClose }: { category: Category | undefined; onClose: () => void }) {
  const change = useChange(["categories"]);
  const [name, setName] = useState(category?.name ?? "");
  const [definition, setDefinition] = useState(() => JSON.stringify(definitionOf(category), null, 2));
  const run = async () => {
    const body = jsonObject(definition);
    await change("The category is saved.", () =>
      send("PUT", `/api/categories/${encodeURIComponent(name.trim())}`, { body }),
    );
  };
  return (
    <Confirm
      title={category ? `Edit ${category.name}` : "New category"}
      action="Save"
      disabled={name.trim() === ""}
      run={run}
      onClose={onClose}
    >
      {!category && (
        <TextField label="Name" value={name} onChange={setName} required hint="Such as order-updates" />
      )}
      <AreaField
        label="Definition (JSON)"
        value={definition}
        onChange={setDefinition}
        rows={14}
        hint="kind: critical, transactional or marketing. quiet: obey or ignore. defaults: whether a channel is on, such as {&quot;sms&quot;: false}. label and description: what recipients read."
      />
    </Confirm>
  );
}

/** What can be changed of a category. */
function definitionOf(category: Category | undefined): object {
  if (!category) {
    return { kind: "transactional", defaults: {}, quiet: "obey", listed: true };
  }
  const { name: _name, builtIn: _builtIn, updatedAt: _updatedAt, ...definition } = category;
  return definition;
}

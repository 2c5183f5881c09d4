import { useState } from "react";
import { Link, useLocation } from "wouter";
import { send } from "../../api/client.ts";
import type { TemplatePage } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { Confirm } from "../../components/dialog.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { SelectField, TextField } from "../../components/fields.tsx";
import { Page } from "../../components/page.tsx";
import { Pager } from "../../components/pager.tsx";
import { Time } from "../../components/time.tsx";
import { curl, tool } from "../../lib/commands.ts";
import { linkTo, useFilters } from "../../lib/filters.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { useMay } from "../../session/session.tsx";
import { TEMPLATE_CHANNELS, templateLink } from "./links.ts";

const NAMES = ["cursor"] as const;

/** The current version of each template. */
export default function TemplatesPage() {
  const [{ cursor }, change] = useFilters(NAMES);
  const mayWrite = useMay("templates:write");
  const [isAdding, setAdding] = useState(false);
  const templates = useLiveQuery({
    key: ["templates", cursor ?? null],
    load: (signal) => send<TemplatePage>("GET", "/api/templates", { query: { cursor, limit: 100 }, signal }),
    every: 30,
  });
  return (
    <Page
      title="Templates"
      actions={
        mayWrite && (
          <button type="button" className="primary" onClick={() => setAdding(true)}>
            New template…
          </button>
        )
      }
    >
      <Loaded query={templates} what="The templates cannot be loaded.">
        {(page) =>
          page.templates.length === 0 ? (
            <Empty title="There are no templates">
              <p>
                A template renders e-mails, text messages and push messages from variables, in several
                languages.
              </p>
              <pre>{CREATE}</pre>
            </Empty>
          ) : (
            <>
              <DataTable
                label="Templates"
                rows={page.templates}
                rowKey={({ name, channel, locale }) => `${name} ${channel} ${locale}`}
                columns={[
                  {
                    title: "Name",
                    cell: ({ name, channel, locale }) => (
                      <Link href={templateLink(name, channel, locale)}>{name}</Link>
                    ),
                  },
                  { title: "Channel", cell: ({ channel }) => channel },
                  { title: "Language", cell: ({ locale }) => locale },
                  { title: "Version", kind: "number", cell: ({ version }) => version },
                  { title: "Changed", cell: ({ createdAt }) => <Time at={createdAt} ago /> },
                  { title: "Sensitive", cell: ({ sensitive }) => (sensitive ? "yes" : "no") },
                  {
                    title: "Used by",
                    cell: ({ name }) => (
                      <Link href={linkTo("/notifications", { template: name })}>notifications</Link>
                    ),
                  },
                ]}
              />
              <Pager cursor={cursor} next={page.nextCursor} onMove={(next) => change({ cursor: next })} />
            </>
          )
        }
      </Loaded>
      {isAdding && <NewTemplateDialog onClose={() => setAdding(false)} />}
      <Commands
        api={[curl("GET", "/api/templates"), CREATE]}
        cli={[
          tool("templates list"),
          tool("templates put welcome", {
            channel: "email",
            subject: "Welcome, {{ name }}!",
            text: "welcome.txt",
          }),
        ]}
      />
    </Page>
  );
}

const CREATE = curl("PUT", "/api/templates/welcome/email/default", {
  body: { subject: "Welcome, {{ name }}!", text: "Hello {{ name }}" },
});

/** Leads to the editor of a template that does not exist yet. */
function NewTemplateDialog({ onClose }: { onClose: () => void }) {
  const [, navigate] = useLocation();
  const [name, setName] = useState("");
  const [channel, setChannel] = useState<string>("email");
  const [locale, setLocale] = useState("default");
  return (
    <Confirm
      title="New template"
      action="Write it"
      disabled={name.trim() === "" || locale.trim() === ""}
      run={async () => navigate(templateLink(name.trim(), channel, locale.trim()))}
      onClose={onClose}
    >
      <TextField
        label="Name"
        value={name}
        onChange={setName}
        required
        hint="Notifications refer to it, such as welcome"
      />
      <SelectField label="Channel" value={channel} onChange={setChannel} options={TEMPLATE_CHANNELS} />
      <TextField
        label="Language"
        value={locale}
        onChange={setLocale}
        required
        hint="Such as de or de-AT; default for all others"
      />
    </Confirm>
  );
}

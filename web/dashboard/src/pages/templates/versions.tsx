import { diffLines } from "diff";
import { useState } from "react";
import { send } from "../../api/client.ts";
import type { Template, TemplateVersion } from "../../api/types.gen.ts";
import { DataTable } from "../../components/data-table.tsx";
import { Confirm } from "../../components/dialog.tsx";
import { Time } from "../../components/time.tsx";
import { notify } from "../../components/toasts.tsx";
import { useMay } from "../../session/session.tsx";

interface Props {
  path: string;
  current: Template;
  versions: TemplateVersion[];
  onRestored: () => Promise<unknown>;
}

/** The versions of a template, and what one of them changes. */
export function Versions({ path, current, versions, onRestored }: Props) {
  const mayWrite = useMay("templates:write");
  const [compared, setCompared] = useState<Template>();
  const [isAsked, setAsked] = useState(false);
  const compare = (version: number) =>
    send<Template>("GET", path, { query: { version } }).then(setCompared, (error: Error) =>
      notify(error.message),
    );
  const restore = async () => {
    if (compared) {
      const { subject, text, html, sensitive } = compared;
      const body = { text, sensitive, ...(subject ? { subject } : {}), ...(html ? { html } : {}) };
      await send("PUT", path, { body });
      notify(`The template is again as in version ${compared.version}.`);
      setCompared(undefined);
      await onRestored();
    }
  };
  return (
    <>
      <DataTable
        label="Versions"
        rows={versions}
        rowKey={({ version }) => String(version)}
        columns={[
          { title: "Version", cell: ({ version }) => version },
          { title: "Created", cell: ({ createdAt }) => <Time at={createdAt} /> },
          { title: "Deleted", cell: ({ deletedAt }) => <Time at={deletedAt} /> },
          {
            title: "Actions",
            kind: "actions",
            cell: ({ version }) =>
              version === current.version ? (
                <span className="muted">current</span>
              ) : (
                <button type="button" className="small" onClick={() => void compare(version)}>
                  Compare
                </button>
              ),
          },
        ]}
      />
      {compared && (
        <div className="compared">
          <div className="actions">
            <h3>
              From version {compared.version} to version {current.version}
            </h3>
            {mayWrite && (
              <button type="button" className="small" onClick={() => setAsked(true)}>
                Roll back to version {compared.version}…
              </button>
            )}
          </div>
          <Changes part="Subject" before={compared.subject} after={current.subject} />
          <Changes part="Text" before={compared.text} after={current.text} />
          <Changes part="HTML" before={compared.html} after={current.html} />
        </div>
      )}
      {isAsked && compared && (
        <Confirm
          title={`Roll back to version ${compared.version}?`}
          action="Roll back"
          run={restore}
          onClose={() => setAsked(false)}
        >
          <p>It becomes version {current.version + 1}. Notifications are rendered from it from then on.</p>
        </Confirm>
      )}
    </>
  );
}

function Changes({
  part,
  before,
  after,
}: {
  part: string;
  before: string | null | undefined;
  after: string | null | undefined;
}) {
  if ((before ?? "") === (after ?? "")) {
    return null;
  }
  let position = 0;
  return (
    <section>
      <h4>{part}</h4>
      <pre className="diff">
        {diffLines(before ?? "", after ?? "").map(({ value, added, removed }) => {
          position += 1;
          const sign = added ? "+" : removed ? "-" : " ";
          const text = value.replace(/\n$/, "").replaceAll("\n", `\n${sign} `);
          const key = `${position}`;
          return added ? (
            <ins key={key}>{`${sign} ${text}\n`}</ins>
          ) : removed ? (
            <del key={key}>{`${sign} ${text}\n`}</del>
          ) : (
            <span key={key}>{`${sign} ${text}\n`}</span>
          );
        })}
      </pre>
    </section>
  );
}

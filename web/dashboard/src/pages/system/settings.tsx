import { useState } from "react";
import { send } from "../../api/client.ts";
import type { SystemSettings } from "../../api/types.gen.ts";
import { DataTable } from "../../components/data-table.tsx";
import { Loaded } from "../../components/feedback.tsx";
import { TextField } from "../../components/fields.tsx";
import { Section } from "../../components/page.tsx";
import { MISSING } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { useMay } from "../../session/session.tsx";

type Setting = SystemSettings["settings"][number];

/** The settings as the API finds them, without secrets. */
export function Settings() {
  const mayRead = useMay("admin");
  const [name, setName] = useState("");
  const settings = useLiveQuery({
    key: ["system", "settings"],
    load: (signal) => send<SystemSettings>("GET", "/api/system/settings", { signal }),
    every: 0,
    enabled: mayRead,
  });
  if (!mayRead) {
    return null;
  }
  return (
    <Section title="Settings">
      <p className="muted">
        As the API that answers finds them. A worker with another environment has others. Secrets are never
        shown.
      </p>
      <Loaded query={settings} what="The settings cannot be loaded.">
        {(found) => (
          <>
            <div className="filters">
              <TextField label="Name contains" value={name} onChange={setName} />
            </div>
            <DataTable
              label="Settings"
              rows={found.settings.filter((one) => one.name.includes(name.trim().toUpperCase()))}
              rowKey={(one) => one.name}
              columns={[
                { title: "Name", cell: (one) => <code>{one.name}</code> },
                { title: "Value", kind: "text", cell: (one) => shownValue(one) },
                { title: "Source", cell: (one) => one.source ?? MISSING },
                { title: "Used by", cell: (one) => one.usedBy.join(", ") },
              ]}
            />
          </>
        )}
      </Loaded>
    </Section>
  );
}

function shownValue({ value, isSecret, missing, mistake }: Setting): string {
  if (mistake) {
    return mistake;
  }
  if (missing) {
    return "missing";
  }
  if (value === null || value === undefined) {
    return isSecret ? "not set" : MISSING;
  }
  return value === "***" ? "set, and not shown" : value;
}

import { type FormEvent, useState } from "react";
import { send } from "../../api/client.ts";
import type { NewTemplate, Template } from "../../api/types.gen.ts";
import { ErrorNote } from "../../components/feedback.tsx";
import { AreaField, TextField } from "../../components/fields.tsx";
import { Section } from "../../components/page.tsx";
import { notify } from "../../components/toasts.tsx";
import { useMay } from "../../session/session.tsx";
import { variablesOf } from "./variables.ts";

interface Props {
  path: string;
  channel: string;
  /** Null if there is none yet. */
  template: Template | null;
  onSaved: () => Promise<unknown>;
}

/** The source of a template. Saving writes a new version. */
export function Editor({ path, channel, template, onSaved }: Props) {
  const mayWrite = useMay("templates:write");
  const [subject, setSubject] = useState(template?.subject ?? "");
  const [text, setText] = useState(template?.text ?? "");
  const [html, setHtml] = useState(template?.html ?? "");
  const [isSensitive, setSensitive] = useState(template?.sensitive ?? false);
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const hasSubject = channel !== "sms";
  const hasHtml = channel === "email";
  const isChanged =
    subject !== (template?.subject ?? "") ||
    text !== (template?.text ?? "") ||
    html !== (template?.html ?? "") ||
    isSensitive !== (template?.sensitive ?? false);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    const body: NewTemplate = {
      text,
      sensitive: isSensitive,
      ...(hasSubject ? { subject } : {}),
      ...(hasHtml && html.trim() !== "" ? { html } : {}),
    };
    try {
      const saved = await send<{ version: number }>("PUT", path, { body });
      notify(`Version ${saved.version} is saved. Notifications are rendered from it from now on.`);
      await onSaved();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  const variables = variablesOf(subject, text, html);
  return (
    <Section title={template ? `Version ${template.version}` : "New template"}>
      <form className="editor" onSubmit={save}>
        {hasSubject && (
          <TextField
            label={channel === "email" ? "Subject" : "Title"}
            value={subject}
            onChange={setSubject}
          />
        )}
        <AreaField label="Text" value={text} onChange={setText} rows={6} />
        {hasHtml && <AreaField label="HTML" value={html} onChange={setHtml} rows={12} />}
        <label className="inline">
          <input
            type="checkbox"
            checked={isSensitive}
            onChange={(event) => setSensitive(event.target.checked)}
          />
          <span>Sensitive: nobody sees the payload, and it is erased soon</span>
        </label>
        <p className="muted">
          Variables: {variables.length === 0 ? "none" : variables.map((name) => `{{ ${name} }}`).join(" ")}
        </p>
        {error !== undefined && <ErrorNote error={error} what="The template was not saved." />}
        {mayWrite && (
          <div className="actions">
            <button type="submit" className="primary" disabled={!isChanged || isBusy || text.trim() === ""}>
              Save
            </button>
          </div>
        )}
      </form>
    </Section>
  );
}

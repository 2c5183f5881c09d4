import { type FormEvent, useState } from "react";
import { send } from "../../api/client.ts";
import type { NewTemplate, Template } from "../../api/types.gen.ts";
import { ErrorNote } from "../../components/feedback.tsx";
import { TextField } from "../../components/fields.tsx";
import { Section } from "../../components/page.tsx";
import { notify } from "../../components/toasts.tsx";
import { useMay } from "../../session/session.tsx";
import { useDraftPreview } from "./draft.ts";
import { DraftPreview, SavedPreview } from "./preview.tsx";
import { SourceField } from "./source-field.tsx";
import { variablesOf } from "./variables.ts";

interface Props {
  name: string;
  path: string;
  channel: string;
  /** Null if there is none yet. */
  template: Template | null;
  /** Variables to begin with, as JSON. */
  variables: string | undefined;
  onSaved: () => Promise<unknown>;
}

/** The source of a template, and what it renders while it is written. Saving writes a new version. */
export function Editor({ name, path, channel, template, variables: given, onSaved }: Props) {
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
  const [variables, setVariables] = useState(() => given ?? example(template));
  const parts = {
    channel,
    text,
    ...(hasSubject ? { subject } : {}),
    ...(hasHtml && html.trim() !== "" ? { html } : {}),
  };
  const isBlank = `${subject}${text}${html}`.trim() === "";
  const rendered = useDraftPreview(parts, variables, mayWrite && !isBlank);
  const problemOf = (part: string) => rendered.preview?.problems.find((one) => one.part === part);
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
  const names = variablesOf(subject, text, html);
  const subjectProblem = problemOf("subject");
  return (
    <>
      <Section title={template ? `Version ${template.version}` : "New template"}>
        <form className="editor" onSubmit={save}>
          {hasSubject && (
            <TextField
              label={channel === "email" ? "Subject" : "Title"}
              value={subject}
              onChange={setSubject}
              hint={subjectProblem && <span className="bad">{subjectProblem.message}</span>}
            />
          )}
          <SourceField label="Text" value={text} onChange={setText} rows={6} problem={problemOf("text")} />
          {hasHtml && (
            <SourceField label="HTML" value={html} onChange={setHtml} rows={12} problem={problemOf("html")} />
          )}
          <label className="inline">
            <input
              type="checkbox"
              checked={isSensitive}
              onChange={(event) => setSensitive(event.target.checked)}
            />
            <span>Sensitive: nobody sees the payload, and it is erased soon</span>
          </label>
          <p className="muted">
            Variables: {names.length === 0 ? "none" : names.map((one) => `{{ ${one} }}`).join(" ")}
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
      {mayWrite && (
        <DraftPreview
          name={name}
          channel={channel}
          rendered={rendered}
          variables={variables}
          onVariables={setVariables}
          isSaved={template !== null}
        />
      )}
      {!mayWrite && template?.html && <SavedPreview name={name} template={template} variables={variables} />}
    </>
  );
}

/** Each variable with its name as value. */
function example(template: Template | null): string {
  const names = variablesOf(template?.subject ?? "", template?.text ?? "", template?.html ?? "");
  return JSON.stringify(Object.fromEntries(names.map((one) => [one, one])), null, 2);
}

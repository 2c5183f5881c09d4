import { useEffect, useState } from "react";
import { Link } from "wouter";
import { send, withQuery } from "../../api/client.ts";
import type { Preview, Template } from "../../api/types.gen.ts";
import { ErrorNote } from "../../components/feedback.tsx";
import { AreaField, jsonObject } from "../../components/fields.tsx";
import { Section } from "../../components/page.tsx";
import { linkTo } from "../../lib/filters.ts";
import { counted } from "../../lib/format.ts";
import { useMay } from "../../session/session.tsx";
import { smsSegments, variablesOf } from "./variables.ts";

interface Props {
  name: string;
  channel: string;
  locale: string;
  template: Template;
  /** Variables to begin with, as JSON. */
  variables: string | undefined;
}

/** How long after the last key the variables are rendered. */
const PAUSE_MS = 400;

/** What the saved template renders from variables. */
export function TemplatePreview({ name, channel, locale, template, variables }: Props) {
  const [text, setText] = useState(() => variables ?? example(template));
  const [preview, setPreview] = useState<Preview>();
  const [error, setError] = useState<unknown>();
  const { version } = template;
  // Who only reads has the page of the e-mail, but not the other parts.
  const mayRender = useMay("templates:write");
  // biome-ignore lint/correctness/useExhaustiveDependencies: a saved version is rendered again
  useEffect(() => {
    if (!mayRender) {
      return;
    }
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const body = { channel, locale, variables: jsonObject(text) };
        const path = `/api/templates/${encodeURIComponent(name)}/preview`;
        setPreview(await send<Preview>("POST", path, { body, signal: abort.signal }));
        setError(undefined);
      } catch (caught) {
        if (!abort.signal.aborted) {
          setError(caught);
        }
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [name, channel, locale, version, text, mayRender]);
  const html = withQuery(`/api/templates/${encodeURIComponent(name)}/preview`, {
    locale,
    version,
    variables: text,
  });
  return (
    <Section
      title="Preview"
      actions={<Link href={linkTo("/send", { template: name, channel, variables: text })}>Send a test</Link>}
    >
      <AreaField label="Variables (JSON)" value={text} onChange={setText} rows={5} />
      {error !== undefined && <ErrorNote error={error} what="It cannot be rendered." />}
      {preview && (
        <div className={error === undefined ? "preview" : "preview stale"}>
          {preview.subject && <p className="subject">{preview.subject}</p>}
          <pre>{preview.text}</pre>
          {channel === "sms" && <Segments text={preview.text} />}
          {preview.html && error === undefined && <Frames url={html} />}
        </div>
      )}
      {!mayRender && template.html && <Frames url={html} />}
    </Section>
  );
}

/** The e-mail on a narrow and on a wide screen, in frames that run no script and load nothing. */
function Frames({ url }: { url: string }) {
  return (
    <div className="frames">
      <iframe title="The e-mail, 320 pixels wide" sandbox="" width={320} height={420} src={url} />
      <iframe title="The e-mail, 600 pixels wide" sandbox="" width={600} height={420} src={url} />
    </div>
  );
}

function Segments({ text }: { text: string }) {
  const { segments, characters, isBasic } = smsSegments(text);
  return (
    <p>
      {counted(segments, "segment")}, {counted(characters, "character")}
      {!isBasic && ": with characters outside of the basic alphabet, a segment has fewer"}
    </p>
  );
}

function example({ subject, text, html }: Template): string {
  const names = variablesOf(subject ?? "", text, html ?? "");
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, name])), null, 2);
}

import { useEffect, useId, useRef } from "react";
import { Link } from "wouter";
import { withQuery } from "../../api/client.ts";
import type { Template } from "../../api/types.gen.ts";
import { ErrorNote } from "../../components/feedback.tsx";
import { AreaField } from "../../components/fields.tsx";
import { Section } from "../../components/page.tsx";
import { linkTo } from "../../lib/filters.ts";
import { counted } from "../../lib/format.ts";
import type { RenderedDraft } from "./draft.ts";
import { Problem } from "./source-field.tsx";
import { smsSegments } from "./variables.ts";

const WIDTHS = [320, 600] as const;

interface Props {
  name: string;
  channel: string;
  rendered: RenderedDraft;
  /** JSON. */
  variables: string;
  onVariables: (variables: string) => void;
  /** Whether a version is saved, which can be sent. */
  isSaved: boolean;
}

/** What the parts render that are being written. */
export function DraftPreview({ name, channel, rendered, variables, onVariables, isSaved }: Props) {
  const { preview, htmlDraft, error } = rendered;
  const others = preview?.problems.filter(({ part }) => !["subject", "text", "html"].includes(part)) ?? [];
  return (
    <Section
      title="Preview"
      actions={
        isSaved && <Link href={linkTo("/send", { template: name, channel, variables })}>Send a test</Link>
      }
    >
      <AreaField label="Variables (JSON)" value={variables} onChange={onVariables} rows={5} />
      {error !== undefined && <ErrorNote error={error} what="It cannot be rendered." />}
      {others.map((problem) => (
        <Problem
          key={problem.part}
          problem={{ ...problem, message: `${problem.part}: ${problem.message}` }}
        />
      ))}
      {preview && (
        <div className={error === undefined ? "preview" : "preview stale"}>
          {preview.subject && <p className="subject">{preview.subject}</p>}
          {preview.text && <pre>{preview.text}</pre>}
          {channel === "sms" && preview.text && <Segments text={preview.text} />}
          {preview.html && htmlDraft && (
            <div className="frames">
              {WIDTHS.map((width) => (
                <DraftFrame key={`${width} ${preview.html}`} width={width} draft={htmlDraft} />
              ))}
            </div>
          )}
        </div>
      )}
    </Section>
  );
}

/**
 * The e-mail in a frame that runs no script and loads nothing. A form loads it: a link has too little room. Each HTML that is
 * rendered gets a new frame, whose first page is no step back of the browser. A frame stays while only other parts change.
 */
function DraftFrame({ width, draft }: { width: number; draft: string }) {
  const form = useRef<HTMLFormElement>(null);
  const target = `draft-${useId()}`;
  useEffect(() => form.current?.submit(), []);
  return (
    <>
      <iframe title={titleOf(width)} name={target} sandbox="" width={width} height={420} />
      <form ref={form} method="post" action="/api/template-drafts/preview/html" target={target} hidden>
        <input type="hidden" name="draft" value={draft} />
      </form>
    </>
  );
}

const titleOf = (width: number) => `The e-mail, ${width} pixels wide`;

/** The HTML of the saved version, for those who may not write templates. */
export function SavedPreview({
  name,
  template,
  variables,
}: {
  name: string;
  template: Template;
  variables: string;
}) {
  const url = withQuery(`/api/templates/${encodeURIComponent(name)}/preview`, {
    locale: template.locale,
    version: template.version,
    variables,
  });
  return (
    <Section title="Preview">
      <div className="frames">
        {WIDTHS.map((width) => (
          <iframe key={width} title={titleOf(width)} sandbox="" width={width} height={420} src={url} />
        ))}
      </div>
    </Section>
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

import { useState } from "react";
import { Link } from "wouter";
import { send, withQuery } from "../../api/client.ts";
import type { NotificationContent } from "../../api/types.gen.ts";
import { ErrorNote } from "../../components/feedback.tsx";
import { Section } from "../../components/page.tsx";
import { Time } from "../../components/time.tsx";
import { linkTo } from "../../lib/filters.ts";
import { templateLink } from "../templates/links.ts";

/** What the recipient reads, hidden until somebody asks for it. Asking writes an entry of the audit log. */
export function Content({ id }: { id: string }) {
  const [found, setFound] = useState<NotificationContent>();
  const [error, setError] = useState<unknown>();
  const path = `/api/notifications/${id}/content`;
  const reveal = () => {
    setError(undefined);
    send<NotificationContent>("GET", path).then(setFound, setError);
  };
  return (
    <Section title="Content">
      {error !== undefined && <ErrorNote error={error} what="The content cannot be shown." />}
      {!found && (
        <div className="actions">
          <button type="button" onClick={reveal}>
            Show what the recipient reads
          </button>
          <span className="muted">
            This is written to the <Link href={linkTo("/audit", { target: id })}>audit log</Link>.
          </span>
        </div>
      )}
      {found && (
        <Texts
          content={found}
          html={withQuery(`${path}/html`, {
            attempt: found.attempt ?? undefined,
            reading: found.readingId ?? undefined,
          })}
        />
      )}
    </Section>
  );
}

function Texts({ content, html }: { content: NotificationContent; html: string }) {
  if (content.payloadRemovedAt) {
    return (
      <p className="muted">
        Its payload was erased <Time at={content.payloadRemovedAt} ago />.
      </p>
    );
  }
  if (content.payloadHidden) {
    return <p className="muted">The notification is sensitive: nobody sees its content.</p>;
  }
  return (
    <div className="preview">
      {content.template && <UsedTemplate content={content} />}
      {content.error && <p className="note bad">There is no content: {content.error}</p>}
      {content.subject && <p className="subject">{content.subject}</p>}
      {content.text && <pre>{content.text}</pre>}
      {content.html && (
        <div className="frames">
          <iframe title="The e-mail" sandbox="" width={600} height={420} src={html} />
        </div>
      )}
    </div>
  );
}

function UsedTemplate({ content: { template, attempt } }: { content: NotificationContent }) {
  if (!template) {
    return null;
  }
  const { name, channel, locale, version } = template;
  return (
    <p className="muted">
      {version === 0 ? (
        "Rendered by the built-in template of digests"
      ) : (
        <>
          Rendered by <Link href={templateLink(name, channel, locale)}>{name}</Link> ({locale}) version{" "}
          {version}
        </>
      )}
      {typeof attempt === "number"
        ? `, as in attempt ${attempt + 1}`
        : ", which the next attempt would use: no attempt has used a template"}
    </p>
  );
}

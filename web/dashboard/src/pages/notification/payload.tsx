import { useState } from "react";
import { Link } from "wouter";
import { send } from "../../api/client.ts";
import type { RevealedPayload } from "../../api/timeline.ts";
import { Copy } from "../../components/copy.tsx";
import { ErrorNote } from "../../components/feedback.tsx";
import { Section } from "../../components/page.tsx";
import { Time } from "../../components/time.tsx";
import { linkTo } from "../../lib/filters.ts";

interface Props {
  id: string;
  /** The template that renders it. */
  template: string | undefined;
}

/** The payload, hidden until somebody asks for it. Asking writes an entry of the audit log. */
export function Payload({ id, template }: Props) {
  const [found, setFound] = useState<RevealedPayload>();
  const [error, setError] = useState<unknown>();
  const reveal = () => {
    setError(undefined);
    send<RevealedPayload>("GET", `/api/notifications/${id}/payload`).then(setFound, setError);
  };
  const text = found && JSON.stringify(found.payload, null, 2);
  const isShown = found && !found.payloadHidden && !found.payloadRemovedAt;
  return (
    <Section title="Payload" actions={isShown && text && <Copy text={text} />}>
      {error !== undefined && <ErrorNote error={error} what="The payload cannot be shown." />}
      {!found && (
        <div className="actions">
          <button type="button" onClick={reveal}>
            Show the payload
          </button>
          <span className="muted">
            This is written to the <Link href={linkTo("/audit", { target: id })}>audit log</Link>.
          </span>
        </div>
      )}
      {found?.payloadRemovedAt && (
        <p className="muted">
          Erased <Time at={found.payloadRemovedAt} ago />.
        </p>
      )}
      {found && !found.payloadRemovedAt && found.payloadHidden && (
        <p className="muted">The notification is sensitive: nobody sees its payload.</p>
      )}
      {isShown && <pre>{text}</pre>}
      {isShown && template && (
        <p>
          <Link
            href={linkTo(`/templates/${encodeURIComponent(template)}`, {
              variables: JSON.stringify(found.payload),
            })}
          >
            Show what the template renders of it
          </Link>
        </p>
      )}
    </Section>
  );
}

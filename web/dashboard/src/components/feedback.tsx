import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiError } from "../api/client.ts";
import { textOf, words } from "../lib/format.ts";

/** What to do about an error, by its code or status. A page makes its requests again, a dialog does not. */
function remedy(error: ApiError, isOnce: boolean): string | undefined {
  const again = isOnce ? "Then try again." : "The page tries again by itself.";
  switch (error.status) {
    case 0:
      return `Check that the API runs and that this computer reaches it. ${again}`;
    case 403:
      return "Your role does not allow this. Ask an admin.";
    case 429:
      return `Wait a moment. ${again}`;
    case 503:
      return "PostgreSQL or RabbitMQ does not answer the API. Run tidings doctor.";
    default:
      return undefined;
  }
}

interface ErrorNoteProps {
  error: unknown;
  what: string;
  /** Whether the request is made again by a person only. */
  isOnce?: boolean;
}

/** An error, with what to do about it. */
export function ErrorNote({ error, what, isOnce = false }: ErrorNoteProps) {
  const known = error instanceof ApiError ? error : undefined;
  const advice = known && remedy(known, isOnce);
  return (
    <div className="note bad" role="alert">
      <p>
        <strong>{what}</strong> {textOf(error)}
      </p>
      {known?.details.map(({ field, message }) => (
        <p key={field + message}>
          <code>{field}</code>: {message}
        </p>
      ))}
      {advice && <p>{advice}</p>}
      {known?.requestId && (
        <p className="muted">
          {words(known.code)}, request <code>{known.requestId}</code>
        </p>
      )}
    </div>
  );
}

/** What a page says instead of an empty table: why there is nothing, and what to do first. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

interface LoadedProps<T> {
  query: UseQueryResult<T, Error>;
  what: string;
  children: (data: T) => ReactNode;
}

/** Shows the data of a query, with the error above if the last request has failed. */
export function Loaded<T>({ query, what, children }: LoadedProps<T>) {
  return (
    <>
      {query.error && <ErrorNote error={query.error} what={what} />}
      {query.data !== undefined && (
        <div className={query.isPlaceholderData ? "loaded stale" : "loaded"}>{children(query.data)}</div>
      )}
      {query.isPending && (
        <p className="muted" role="status">
          Loading…
        </p>
      )}
    </>
  );
}

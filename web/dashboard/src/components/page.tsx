import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { errorsOf, OVERVIEW } from "../api/overview.ts";

interface PageProps {
  title: string;
  /** Buttons and choices beside the title. */
  actions?: ReactNode;
  children: ReactNode;
}

/** How many errors the navigation knows of. It asks; this only reads. */
function useErrorCount(): number {
  const overview = useQuery({
    queryKey: OVERVIEW.key,
    queryFn: ({ signal }) => OVERVIEW.load(signal),
    enabled: false,
    select: errorsOf,
    meta: { isLive: true },
  });
  return overview.data ?? 0;
}

/** The heading of a page and what follows. The title of a tab in the background says if there are errors. */
export function Page({ title, actions, children }: PageProps) {
  const errors = useErrorCount();
  useEffect(() => {
    document.title = `${errors > 0 ? `(${errors}) ` : ""}${title} · Tidings`;
  }, [title, errors]);
  return (
    <>
      <header className="page-header">
        <h1>{title}</h1>
        {actions && <div className="actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

/** A part of a page with a heading. */
export function Section({ title, actions, children }: PageProps) {
  return (
    <section className="section">
      <header>
        <h2>{title}</h2>
        {actions && <div className="actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}

/** A table that scrolls sideways on a narrow screen. */
export function TableFrame({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="table-frame" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}

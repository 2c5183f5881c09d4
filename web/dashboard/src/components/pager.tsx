interface PagerProps {
  cursor: string | undefined;
  next: string | null | undefined;
  /** Shows another page. `undefined` is the first one. */
  onMove: (cursor: string | undefined) => void;
}

/** Moves through a list without a total: forwards, and back to its start. The browser's own button goes back one page. */
export function Pager({ cursor, next, onMove }: PagerProps) {
  if (!cursor && !next) {
    return null;
  }
  return (
    <nav className="pager" aria-label="Pages">
      <button type="button" disabled={!cursor} onClick={() => onMove(undefined)}>
        First page
      </button>
      <button type="button" disabled={!cursor} onClick={() => history.back()}>
        Previous page
      </button>
      <button type="button" disabled={!next} onClick={() => onMove(next ?? undefined)}>
        Next page
      </button>
    </nav>
  );
}

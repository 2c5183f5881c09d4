import { useId, useRef } from "react";
import type { DraftProblem } from "../../api/types.gen.ts";

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  rows: number;
  problem: DraftProblem | undefined;
}

/** The source of a part, with line numbers. A problem is shown at its line. */
export function SourceField({ label, value, onChange, rows, problem }: Props) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const numbers = useRef<HTMLOListElement>(null);
  const lines = value.split("\n");
  const line = problem?.line ?? undefined;
  return (
    <div className="source-field">
      <label htmlFor={id}>
        <span>{label}</span>
      </label>
      <div className="source">
        <ol ref={numbers} aria-hidden="true">
          {lines.map((_, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a line number is its index
            <li key={index} className={index + 1 === line ? "bad" : undefined}>
              {index + 1}
            </li>
          ))}
        </ol>
        <textarea
          ref={area}
          id={id}
          value={value}
          rows={rows}
          wrap="off"
          spellCheck={false}
          aria-invalid={problem !== undefined}
          aria-describedby={problem ? `${id}-problem` : undefined}
          onChange={(event) => onChange(event.target.value)}
          onScroll={(event) => {
            if (numbers.current) {
              numbers.current.scrollTop = event.currentTarget.scrollTop;
            }
          }}
        />
      </div>
      {problem && (
        <Problem
          id={`${id}-problem`}
          problem={problem}
          onShow={() => area.current && select(area.current, lines, problem)}
        />
      )}
    </div>
  );
}

/** What is wrong with a part, and where. */
export function Problem({
  id,
  problem: { line, column, message },
  onShow,
}: {
  id?: string;
  problem: DraftProblem;
  onShow?: () => void;
}) {
  const place = line ? `Line ${line}${column ? `, column ${column}` : ""}` : undefined;
  return (
    <p id={id} className="line-problem" role="status">
      {place && onShow && (
        <button type="button" className="small" onClick={onShow}>
          {place}
        </button>
      )}
      <span>{message}</span>
    </p>
  );
}

/** Moves the cursor to a problem, and selects the rest of its line. */
function select(area: HTMLTextAreaElement, lines: string[], { line, column }: DraftProblem) {
  if (!line) {
    return;
  }
  const start = lines.slice(0, line - 1).reduce((length, text) => length + text.length + 1, 0);
  const text = lines[line - 1] ?? "";
  const before = Array.from(text)
    .slice(0, Math.max(0, (column ?? 1) - 1))
    .join("");
  area.focus();
  area.setSelectionRange(start + before.length, start + text.length);
}

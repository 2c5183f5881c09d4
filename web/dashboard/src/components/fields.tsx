import { type ReactNode, useId } from "react";

interface FieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  hint?: ReactNode;
  required?: boolean;
}

/** A line of text in a form. */
export function TextField({
  label,
  value,
  onChange,
  hint,
  required,
  type = "text",
}: FieldProps & { type?: string }) {
  const hintId = useId();
  return (
    <label>
      <span>{label}</span>
      <input
        type={type}
        value={value}
        required={required}
        autoComplete="off"
        spellCheck={false}
        aria-describedby={hint ? hintId : undefined}
        onChange={(event) => onChange(event.target.value)}
      />
      {hint && <small id={hintId}>{hint}</small>}
    </label>
  );
}

/** A text of several lines in a form. */
export function AreaField({ label, value, onChange, hint, rows = 8 }: FieldProps & { rows?: number }) {
  const hintId = useId();
  return (
    <label>
      <span>{label}</span>
      <textarea
        value={value}
        rows={rows}
        spellCheck={false}
        aria-describedby={hint ? hintId : undefined}
        onChange={(event) => onChange(event.target.value)}
      />
      {hint && <small id={hintId}>{hint}</small>}
    </label>
  );
}

/** A choice of a few values in a form. */
export function SelectField({
  label,
  value,
  onChange,
  options,
}: FieldProps & { options: readonly string[] }) {
  return (
    <label>
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  );
}

/** Parses the text of a field that must be a JSON object. */
export function jsonObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text.trim() === "" ? "{}" : text);
  } catch (error) {
    throw new Error(`This is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error("This must be a JSON object.");
  }
  return value as Record<string, unknown>;
}

import { type ReactNode, useEffect, useId, useState } from "react";
import { usePreferences } from "../lib/preferences.tsx";

interface FieldProps {
  label: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}

/** The filters of a page. `f` moves the focus to the first one. On a narrow screen, a button unfolds them. */
export function FilterBar({
  children,
  onClear,
}: {
  children: ReactNode;
  onClear?: (() => void) | undefined;
}) {
  const [isOpen, setOpen] = useState(false);
  return (
    <search className={isOpen ? "filters" : "filters folded"}>
      <button type="button" className="fold" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {onClear ? "Filters (in use)" : "Filters"}
      </button>
      {children}
      {onClear && (
        <button type="button" className="quiet" onClick={onClear}>
          Clear filters
        </button>
      )}
    </search>
  );
}

/** A filter with a few values. */
export function SelectFilter({
  label,
  value,
  onChange,
  options,
  any = "All",
}: FieldProps & { options: readonly (string | readonly [string, string])[]; any?: string }) {
  return (
    <label>
      <span>{label}</span>
      <select value={value ?? ""} onChange={(event) => onChange(event.target.value || undefined)}>
        <option value="">{any}</option>
        {options.map((option) => {
          const [code, text] = typeof option === "string" ? [option, option] : option;
          return (
            <option key={code} value={code}>
              {text}
            </option>
          );
        })}
      </select>
    </label>
  );
}

/** A filter that is typed. It takes effect on Enter, or when the field is left. */
export function TextFilter({
  label,
  value,
  onChange,
  placeholder,
  suggestions = [],
}: FieldProps & { placeholder?: string; suggestions?: readonly string[] }) {
  const listId = useId();
  const [text, setText] = useState(value ?? "");
  useEffect(() => setText(value ?? ""), [value]);
  const apply = () => {
    const trimmed = text.trim();
    if (trimmed !== (value ?? "")) {
      onChange(trimmed || undefined);
    }
  };
  return (
    <label>
      <span>{label}</span>
      <input
        type="text"
        value={text}
        placeholder={placeholder}
        list={suggestions.length > 0 ? listId : undefined}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => setText(event.target.value)}
        onBlur={apply}
        onKeyDown={(event) => event.key === "Enter" && apply()}
      />
      {suggestions.length > 0 && (
        <datalist id={listId}>
          {suggestions.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </label>
  );
}

/** A filter by time, in the zone that the person has chosen. Its value is RFC 3339. */
export function TimeFilter({ label, value, onChange }: FieldProps) {
  const { zone } = usePreferences();
  const toField = (at: string | undefined) => {
    const time = at ? new Date(at) : undefined;
    if (!time || Number.isNaN(time.getTime())) {
      return "";
    }
    const offset = zone === "utc" ? 0 : time.getTimezoneOffset() * 60_000;
    return new Date(time.getTime() - offset).toISOString().slice(0, 16);
  };
  const [text, setText] = useState(toField(value));
  // biome-ignore lint/correctness/useExhaustiveDependencies: `toField` depends on the zone only
  useEffect(() => setText(toField(value)), [value, zone]);
  const apply = (typed: string) => {
    setText(typed);
    const time = new Date(zone === "utc" ? `${typed}Z` : typed);
    onChange(typed === "" || Number.isNaN(time.getTime()) ? undefined : time.toISOString());
  };
  return (
    <label>
      <span>
        {label} ({zone === "utc" ? "UTC" : "local"})
      </span>
      <input type="datetime-local" value={text} onChange={(event) => apply(event.target.value)} />
    </label>
  );
}

/** Filters that are shown on request, or if one of them is used. */
export function MoreFilters({ isUsed, children }: { isUsed: boolean; children: ReactNode }) {
  const [isOpen, setOpen] = useState(isUsed);
  return isOpen || isUsed ? (
    children
  ) : (
    <button type="button" className="quiet" onClick={() => setOpen(true)}>
      More filters
    </button>
  );
}

import { type FormEvent, type ReactNode, useId, useLayoutEffect, useRef, useState } from "react";
import { ErrorNote } from "./feedback.tsx";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
}

/** A modal dialog of the browser. It exists while it is shown. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // Closed while it is still in the page: then the focus returns to the element that has opened it.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element && !element.open) {
      element.showModal();
    }
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header>
        <h2 id={titleId}>{title}</h2>
        <button type="button" className="quiet" onClick={onClose} aria-label="Close">
          ✕
        </button>
      </header>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  /** What the button says, such as `Discard 241 dead letters`. */
  action: string;
  /** What must be typed before the button works. */
  typed?: string | undefined;
  destroys?: boolean;
  disabled?: boolean;
  run: () => Promise<unknown>;
  onClose: () => void;
  children: ReactNode;
}

/** Asks before something is done, and shows the error if it fails. */
export function Confirm({ title, action, typed, destroys, disabled, run, onClose, children }: ConfirmProps) {
  const [text, setText] = useState("");
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<unknown>();
  const isTyped = typed === undefined || text.trim() === typed;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setRunning(true);
    setError(undefined);
    try {
      await run();
      onClose();
    } catch (caught) {
      setError(caught);
    } finally {
      setRunning(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit}>
        {children}
        {typed !== undefined && (
          <label>
            <span>
              Type <strong>{typed}</strong> to go on
            </span>
            <input
              value={text}
              onChange={(event) => setText(event.target.value)}
              autoComplete="off"
              spellCheck={false}
            />
          </label>
        )}
        {error !== undefined && <ErrorNote error={error} what="It was not done." />}
        <footer>
          <button type="button" onClick={onClose}>
            Back
          </button>
          <button
            type="submit"
            className={destroys ? "danger" : "primary"}
            disabled={!isTyped || isRunning || disabled}
          >
            {isRunning ? "…" : action}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

import { type FormEvent, type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { ApiError } from "../api/client.ts";
import { textOf } from "../lib/format.ts";
import { ErrorNote } from "./feedback.tsx";
import { notify } from "./toasts.tsx";

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
  /** Must fail if what was asked for is not done: then the dialog stays open, with what was typed. */
  run: () => Promise<unknown>;
  onClose: () => void;
  children: ReactNode;
}

/** What is known after an error. Without an answer, nobody knows whether the API has done it. */
function outcome(error: unknown): string {
  return error instanceof ApiError && error.status === 0
    ? "It is not known whether this was done."
    : "It was not done.";
}

/** Asks before something is done. If it fails, the dialog stays open, keeps what was typed and shows the error. */
export function Confirm({ title, action, typed, destroys, disabled, run, onClose, children }: ConfirmProps) {
  const [text, setText] = useState("");
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<unknown>();
  const isShown = useRef(false);
  useEffect(() => {
    isShown.current = true;
    return () => {
      isShown.current = false;
    };
  }, []);
  const note = useRef<HTMLDivElement>(null);
  // In a long dialog, the error is below what is on the screen.
  useEffect(() => {
    if (error !== undefined) {
      note.current?.scrollIntoView({ block: "nearest" });
    }
  }, [error]);
  const isTyped = typed === undefined || text.trim() === typed;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setRunning(true);
    setError(undefined);
    try {
      await run();
      // Who has closed it meanwhile may have opened another one.
      if (isShown.current) {
        onClose();
      }
    } catch (caught) {
      if (isShown.current) {
        setError(caught);
      } else {
        notify(`${title} ${outcome(caught)} ${textOf(caught)}`);
      }
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
        {error !== undefined && (
          <div ref={note}>
            <ErrorNote error={error} what={outcome(error)} isOnce />
          </div>
        )}
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

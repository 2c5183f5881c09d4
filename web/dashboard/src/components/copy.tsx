import { useEffect, useState } from "react";

/** A button that copies a text. */
export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  useEffect(() => {
    if (state !== "idle") {
      const timer = setTimeout(() => setState("idle"), 2000);
      return () => clearTimeout(timer);
    }
    return undefined;
  }, [state]);
  const copy = () => {
    // Without https and outside of localhost, the browser has no clipboard.
    const written = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("no clipboard"));
    written.then(
      () => setState("copied"),
      () => setState("failed"),
    );
  };
  return (
    <button type="button" className="small quiet" onClick={copy}>
      {state === "copied" ? "Copied" : state === "failed" ? "Select it and press Ctrl+C" : label}
    </button>
  );
}

/** The keyboard: `/` for the filters, `g` and a letter for a page, `p` for the pause, `?` for this list. */

import { useEffect, useRef } from "react";
import { useLocation } from "wouter";
import { Dialog } from "../components/dialog.tsx";
import { useLive } from "../lib/live.tsx";
import { usePages } from "./navigation.ts";

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, dialog") !== null;
}

export function Shortcuts({ isOpen, setOpen }: { isOpen: boolean; setOpen: (open: boolean) => void }) {
  const [, navigate] = useLocation();
  const { isPaused, setPaused } = useLive();
  const pages = usePages();
  const isAfterG = useRef(false);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
        return;
      }
      const page = pages.find(({ key }) => key === event.key);
      if (page && isAfterG.current) {
        navigate(page.path);
      } else if (event.key === "/") {
        document.querySelector<HTMLElement>("search input, search select")?.focus();
      } else if (event.key === "?") {
        setOpen(true);
      } else if (event.key === "p") {
        setPaused(!isPaused);
      } else {
        isAfterG.current = event.key === "g";
        return;
      }
      isAfterG.current = false;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [navigate, isPaused, setPaused, setOpen, pages]);
  return isOpen ? <ShortcutList onClose={() => setOpen(false)} /> : null;
}

function ShortcutList({ onClose }: { onClose: () => void }) {
  const pages = usePages();
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl className="shortcuts">
        <Shortcut keys={["/"]} text="Go to the filters" />
        <Shortcut keys={["p"]} text="Pause, or continue to load data" />
        {pages.map(({ path, title, key }) => (
          <Shortcut key={path} keys={["g", key]} text={title} />
        ))}
        <Shortcut keys={["?"]} text="Show this list" />
      </dl>
    </Dialog>
  );
}

function Shortcut({ keys, text }: { keys: string[]; text: string }) {
  return (
    <div>
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{text}</dd>
    </div>
  );
}

/** The keyboard: `/` for the box that opens an id, `f` for the filters, `g` and a letter for a page, `p` for the pause, `r` to load now, `?` for this list. */

import { useEffect, useRef } from "react";
import { useLocation } from "wouter";
import { Dialog } from "../components/dialog.tsx";
import { useLive, useLoadNow } from "../lib/live.tsx";
import { ID_BOX } from "./id-box.tsx";
import { usePages } from "./navigation.ts";

/** A `g` that was typed longer ago does not make a jump of the next letter. */
const G_LASTS_MS = 1500;

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, dialog") !== null;
}

export function Shortcuts({ isOpen, setOpen }: { isOpen: boolean; setOpen: (open: boolean) => void }) {
  const [, navigate] = useLocation();
  const { isPaused, setPaused } = useLive();
  const pages = usePages();
  const loadNow = useLoadNow();
  const lastG = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
        return;
      }
      const isAfterG = event.timeStamp - lastG.current < G_LASTS_MS;
      lastG.current = event.key === "g" ? event.timeStamp : Number.NEGATIVE_INFINITY;
      const page = isAfterG ? pages.find(({ key }) => key === event.key) : undefined;
      if (page) {
        navigate(page.path);
      } else if (event.key === "/") {
        document.getElementById(ID_BOX)?.focus();
      } else if (event.key === "f") {
        const filter = document.querySelector<HTMLElement>("search input, search select");
        if (!filter) {
          return;
        }
        filter.focus();
      } else if (event.key === "?") {
        setOpen(true);
      } else if (event.key === "p") {
        setPaused(!isPaused);
      } else if (event.key === "r") {
        loadNow();
      } else {
        return;
      }
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [navigate, isPaused, setPaused, setOpen, pages, loadNow]);
  return isOpen ? <ShortcutList onClose={() => setOpen(false)} /> : null;
}

function ShortcutList({ onClose }: { onClose: () => void }) {
  const pages = usePages();
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl className="shortcuts">
        <Shortcut keys={["/"]} text="Open an id" />
        <Shortcut keys={["f"]} text="Go to the filters" />
        <Shortcut keys={["p"]} text="Pause, or continue to load data" />
        <Shortcut keys={["r"]} text="Load the data now" />
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

import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { SESSION_PATH, send } from "../api/client.ts";
import { type Theme, usePreferences } from "../lib/preferences.tsx";
import { useSession } from "../session/session.tsx";
import { IdBox } from "./id-box.tsx";
import { LiveState } from "./live-state.tsx";
import { Navigation } from "./navigation-list.tsx";
import { Shortcuts } from "./shortcuts.tsx";

/** What surrounds every page: the navigation, the switches, and who is signed in. */
export function Shell({ children, onSignOut }: { children: ReactNode; onSignOut: () => void }) {
  const [isListOpen, setListOpen] = useState(false);
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="bar">
        <Link href="/" className="brand">
          Tidings
        </Link>
        <IdBox />
        <div className="bar-end">
          <LiveState />
          <ZoneSwitch />
          <ThemeChoice />
          <button
            type="button"
            className="quiet"
            onClick={() => setListOpen(true)}
            aria-label="Keyboard shortcuts"
          >
            ?
          </button>
          <User onSignOut={onSignOut} />
        </div>
      </header>
      <div className="columns">
        <Navigation />
        <main id="content" tabIndex={-1}>
          {children}
        </main>
      </div>
      <Shortcuts isOpen={isListOpen} setOpen={setListOpen} />
    </>
  );
}

function ZoneSwitch() {
  const { zone, setZone } = usePreferences();
  return (
    <button
      type="button"
      className="quiet"
      aria-label={zone === "utc" ? "Times in UTC. Show local times" : "Local times. Show times in UTC"}
      onClick={() => setZone(zone === "utc" ? "local" : "utc")}
    >
      {zone === "utc" ? "UTC" : "Local"}
    </button>
  );
}

const THEMES: [Theme, string][] = [
  ["auto", "Auto"],
  ["light", "Light"],
  ["dark", "Dark"],
];

function ThemeChoice() {
  const { theme, setTheme } = usePreferences();
  return (
    <select
      aria-label="Colours"
      className="quiet"
      value={theme}
      onChange={(event) => setTheme(THEMES.find(([one]) => one === event.target.value)?.[0] ?? "auto")}
    >
      {THEMES.map(([value, label]) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </select>
  );
}

function User({ onSignOut }: { onSignOut: () => void }) {
  const { name, subject, role } = useSession();
  const signOut = () => {
    void send("DELETE", SESSION_PATH).catch(() => undefined);
    onSignOut();
  };
  return (
    <div className="user">
      <span title={subject}>
        {name ?? subject} <span className="muted">({role})</span>
      </span>
      <button type="button" className="quiet" onClick={signOut}>
        Sign out
      </button>
    </div>
  );
}

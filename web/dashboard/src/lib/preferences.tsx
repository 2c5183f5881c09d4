/** What a person chooses for the display, kept in this browser: the time zone and the colours. */

import { createContext, type ReactNode, use, useEffect, useMemo, useState } from "react";
import type { Zone } from "./format.ts";

export type Theme = "auto" | "light" | "dark";

interface Preferences {
  zone: Zone;
  setZone(zone: Zone): void;
  theme: Theme;
  setTheme(theme: Theme): void;
}

const Context = createContext<Preferences | undefined>(undefined);

export function usePreferences(): Preferences {
  const preferences = use(Context);
  if (!preferences) {
    throw new Error("there are no preferences");
  }
  return preferences;
}

const ZONES: readonly Zone[] = ["utc", "local"];
const THEMES: readonly Theme[] = ["auto", "light", "dark"];

function stored<T extends string>(name: string, known: readonly T[], fallback: T): T {
  const value = localStorage.getItem(`tidings-${name}`);
  return known.find((one) => one === value) ?? fallback;
}

export function PreferencesProvider({ children }: { children: ReactNode }) {
  const [zone, setZone] = useState<Zone>(() => stored("zone", ZONES, "utc"));
  const [theme, setTheme] = useState<Theme>(() => stored("theme", THEMES, "auto"));
  useEffect(() => localStorage.setItem("tidings-zone", zone), [zone]);
  useEffect(() => {
    localStorage.setItem("tidings-theme", theme);
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  const value = useMemo(() => ({ zone, setZone, theme, setTheme }), [zone, theme]);
  return <Context value={value}>{children}</Context>;
}

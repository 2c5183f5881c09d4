// Builds the dashboard: `dist/dashboard/index.html`, and its scripts and style sheets with hashed names in
// `dist/dashboard/assets`. `vite dev dashboard` serves it from the sources, with the API at TIDINGS_API_URL.
import { defineConfig } from "vite";
import { firstLoad } from "../vite/first-load.ts";
import { gzipped } from "../vite/gzip.ts";

const api = process.env.TIDINGS_API_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/dashboard/",
  build: {
    outDir: "../dist/dashboard",
    // The folder is outside of the root, but of nothing else.
    emptyOutDir: true,
    target: ["chrome123", "firefox125", "safari17.5"],
    // The policy of the page allows no inline script and no data URL for styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // `"use client"` means nothing here.
      onLog: (level, log, handle) => log.code !== "MODULE_LEVEL_DIRECTIVE" && handle(level, log),
    },
  },
  server: {
    // The session's cookie and the check of the origin need the address that the browser uses.
    proxy: { "/api": { target: api, changeOrigin: false } },
  },
  plugins: [gzipped(), firstLoad(170)],
});

// Builds the page `/inbox`: `dist/inbox.html`, and its script and style sheet with hashed names in `dist/assets`.
import { defineConfig } from "vite";
import { gzipped } from "../vite/gzip.ts";

export default defineConfig({
  base: "/",
  build: {
    outDir: "../../dist",
    emptyOutDir: false,
    target: ["chrome123", "firefox125", "safari17.5"],
    // The policy of the page allows no inline script and no data URL for styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: "inbox/page/inbox.html" },
  },
  plugins: [gzipped()],
});

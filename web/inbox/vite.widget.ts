// Builds the custom element as one classic script, `dist/inbox.js`: a page can load it with or without `type="module"`.
import { defineConfig } from "vite";
import { gzipped } from "../vite/gzip.ts";

export default defineConfig({
  build: {
    outDir: "../dist",
    emptyOutDir: false,
    target: ["chrome123", "firefox125", "safari17.5"],
    lib: {
      entry: "src/main.ts",
      formats: ["iife"],
      name: "tidings",
      fileName: () => "inbox.js",
    },
  },
  plugins: [gzipped()],
});

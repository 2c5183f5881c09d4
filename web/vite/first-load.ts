import { gzipSync } from "node:zlib";
import type { Plugin, Rolldown } from "vite";

/** Returns the names of the chunk and of everything that it imports statically. */
function withImports(bundle: Rolldown.OutputBundle, name: string, found = new Set<string>()): Set<string> {
  const output = bundle[name];
  if (output?.type === "chunk" && !found.has(name)) {
    found.add(name);
    for (const imported of output.imports) {
      withImports(bundle, imported, found);
    }
  }
  return found;
}

/**
 * Fails the build if the page, its scripts and its style sheets have more than `limit` KiB in all, compressed. What is
 * loaded on demand does not count.
 */
export function firstLoad(limit: number): Plugin {
  return {
    name: "tidings-first-load",
    writeBundle(_options, bundle) {
      const names = new Set<string>();
      for (const [name, output] of Object.entries(bundle)) {
        if (name.endsWith(".html")) {
          names.add(name);
        } else if (output.type === "chunk" && output.isEntry) {
          withImports(bundle, name, names);
        }
      }
      // The page links the style sheets that it needs at once.
      const html = [...names]
        .map((name) => bundle[name])
        .find((output) => output?.fileName.endsWith(".html"));
      const page = html?.type === "asset" ? String(html.source) : "";
      for (const name of Object.keys(bundle)) {
        if (name.endsWith(".css") && page.includes(name)) {
          names.add(name);
        }
      }
      let bytes = 0;
      for (const name of names) {
        const output = bundle[name];
        const content = output?.type === "chunk" ? output.code : (output?.source ?? "");
        bytes += gzipSync(content, { level: 9 }).length;
      }
      const size = (bytes / 1024).toFixed(1);
      if (bytes > limit * 1024) {
        this.error(`The first load has ${size} KiB, compressed: more than ${limit} KiB.`);
      }
      this.info(`The first load has ${size} KiB, compressed.`);
    },
  };
}

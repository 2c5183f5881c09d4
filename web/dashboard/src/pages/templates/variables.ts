/** Returns the names that the expressions of a template begin with, without those of loops and settings. */
export function variablesOf(...sources: string[]): string[] {
  const found = new Set<string>();
  const local = new Set(["loop"]);
  for (const source of sources) {
    for (const [, name] of source.matchAll(/\{%-?\s*(?:for|set)\s+([A-Za-z_]\w*)/g)) {
      local.add(name ?? "");
    }
    for (const [, name] of source.matchAll(/\{\{-?\s*([A-Za-z_]\w*)/g)) {
      found.add(name ?? "");
    }
    for (const [, name] of source.matchAll(
      /\{%-?\s*(?:if|elif|for\s+\w+\s+in)\s+(?:not\s+)?([A-Za-z_]\w*)/g,
    )) {
      found.add(name ?? "");
    }
  }
  return [...found].filter((name) => !local.has(name)).sort();
}

const BASIC = /^[@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà^{}\\[~\]|€]*$/;
const EXTENDED = /[\^{}\\[~\]|€]/g;

/** Returns how many segments a text message has (3GPP TS 23.038): 160 or 153 characters each, or 70 or 67 with others. */
export function smsSegments(text: string): { segments: number; characters: number; isBasic: boolean } {
  const isBasic = BASIC.test(text);
  // A character of the extension table takes two places.
  const characters = isBasic ? text.length + (text.match(EXTENDED)?.length ?? 0) : text.length;
  const [single, several] = isBasic ? [160, 153] : [70, 67];
  return { segments: characters <= single ? 1 : Math.ceil(characters / several), characters, isBasic };
}

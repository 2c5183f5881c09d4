/** What the element shows of a payload, which senders choose freely. */

export interface Content {
  title: string;
  body: string;
  /** Where the notification leads, if its sender said so. */
  link: string | undefined;
}

/** A longer text is cut: nothing in an inbox needs more. */
const MAX_TITLE = 300;
const MAX_BODY = 2000;

/** The members that senders use, the best one first. */
const TITLES = ["title", "subject", "heading"];
const BODIES = ["body", "message", "text", "description"];
const LINKS = ["url", "link", "href", "actionUrl"];

/** Reads a payload. `base` is the address that relative links start from. */
export function contentOf(payload: unknown, base: string): Content {
  if (typeof payload === "string") {
    return { title: clip(payload, MAX_TITLE), body: "", link: undefined };
  }
  const members = isObject(payload) ? payload : {};
  const title = firstText(members, TITLES);
  const body = firstText(members, BODIES);
  return {
    title: clip(title || body, MAX_TITLE),
    body: title ? clip(body, MAX_BODY) : "",
    link: safeLink(firstText(members, LINKS), base),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function firstText(members: Record<string, unknown>, names: string[]): string {
  for (const name of names) {
    const value = members[name];
    if (typeof value === "string" && value.trim() !== "") {
      return value.trim();
    }
  }
  return "";
}

/** Only links that load a page: a `javascript:` link would run in the page that embeds the element. */
function safeLink(link: string, base: string): string | undefined {
  if (link === "" || !URL.canParse(link, base)) {
    return undefined;
  }
  const url = new URL(link, base);
  return url.protocol === "https:" || url.protocol === "http:" ? url.href : undefined;
}

function clip(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`;
}

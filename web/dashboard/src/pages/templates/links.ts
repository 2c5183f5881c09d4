import { linkTo } from "../../lib/filters.ts";

export const TEMPLATE_CHANNELS = ["email", "sms", "push"] as const;

/** The address of a template's page. */
export const templateLink = (name: string, channel: string, locale: string) =>
  linkTo(`/templates/${encodeURIComponent(name)}`, { channel, locale });

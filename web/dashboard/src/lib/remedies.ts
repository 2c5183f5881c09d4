/** What to do about a failure, by its reason. */

import { linkTo } from "./filters.ts";

/** The notification that has failed, as far as it is known. */
export interface Failed {
  channel?: string | null | undefined;
  userId?: string | null | undefined;
  template?: { name: string; locale?: string | null } | null | undefined;
}

export interface Remedy {
  text: string;
  link?: { text: string; href: string };
  /** What a replay does: it works once the cause is gone, fails again as long as nothing changes, or may send twice. */
  replay: "later" | "fails" | "twice";
}

/** Returns what to do. Nothing is said about reasons that are not known. */
export function remedyOf(reason: string, failed: Failed = {}): Remedy | undefined {
  const { channel } = failed;
  const delivered = channel ?? "the channel";
  switch (reason) {
    case "provider_failed":
    case "refused_for_now":
    case "attempts_used_up":
      return {
        text: `Every attempt failed. Replay once ${delivered} is delivered again.`,
        link: { text: "State of the channels", href: "/" },
        replay: "later",
      };
    case "credentials_refused":
      return {
        text: `The provider refuses the login, key or sender. Correct the settings of ${delivered}, restart the workers, then replay.`,
        link: { text: "State of the channels", href: "/" },
        replay: "fails",
      };
    case "outcome_unknown":
      return {
        text: "It may have arrived, because no attempt had a readable answer. A replay may send it twice.",
        replay: "twice",
      };
    case "rejected_by_provider":
      return {
        text: "The provider will never accept it as it is. The error has its answer. A replay fails again unless the address, the content or the sender changes.",
        ...ofUser(failed),
        replay: "fails",
      };
    case "address_gone":
      return {
        text: "The address no longer exists. A replay fails again until the user has another one.",
        ...ofUser(failed),
        replay: "fails",
      };
    case "no_recipient":
      return {
        text: `The user has no ${CONTACTS[channel ?? ""] ?? "address for the channel"}. Add one, then replay.`,
        ...ofUser(failed),
        replay: "fails",
      };
    case "destination_away":
      return {
        text: "The host of the webhook was down for too long. Replay once it answers.",
        link: { text: "Hosts that are away", href: linkTo("/endpoints", { state: "away" }) },
        replay: "later",
      };
    case "not_sent":
      return {
        text: "No provider was asked: the e-mail cannot be composed, or webhooks may not use the URL. A replay fails again unless that changes.",
        replay: "fails",
      };
    case "template_missing":
    case "template_error":
      return {
        text:
          reason === "template_missing"
            ? "There is no such template for the channel and language. Create it, then replay."
            : "The template cannot be rendered with these variables. Correct it, then replay.",
        ...ofTemplate(failed),
        replay: "fails",
      };
    case "invalid_payload":
      return {
        text: "The payload does not fit the channel. A replay fails again: let the program send a correct one.",
        replay: "fails",
      };
    case "unknown_category":
      return {
        text: "There is no such category. Create it, then replay.",
        link: { text: "Categories", href: "/categories" },
        replay: "fails",
      };
    case "unknown_user":
      return {
        text: "There is no such user. Create the user, then replay.",
        link: { text: "Users", href: "/users" },
        replay: "fails",
      };
    case "undecodable":
    case "no_channel":
    case "row_missing":
      return {
        text: "The message cannot be read or belongs to nothing. A replay fails again; discard it if its sender has been corrected.",
        replay: "fails",
      };
    case "unrouted":
      return { text: "Its queue was missing. Replay once the workers run.", replay: "later" };
    default:
      return undefined;
  }
}

const CONTACTS: Record<string, string> = {
  email: "e-mail address",
  sms: "phone number",
  push: "device",
  webhook: "webhook endpoint",
};

function ofUser({ channel, userId }: Failed): Pick<Remedy, "link"> {
  if (!userId) {
    return {};
  }
  return {
    link:
      channel === "webhook"
        ? { text: "Endpoints of the user", href: linkTo("/endpoints", { userId }) }
        : { text: "The user", href: `/users/${userId}` },
  };
}

function ofTemplate({ channel, template }: Failed): Pick<Remedy, "link"> {
  if (!template) {
    return { link: { text: "Templates", href: "/templates" } };
  }
  const path = `/templates/${encodeURIComponent(template.name)}`;
  return {
    link: { text: `The template ${template.name}`, href: linkTo(path, { channel, locale: template.locale }) },
  };
}

/** Why a job has skipped a dead letter. */
export const SKIPPED: Record<string, string> = {
  payload_removed: "the payload is erased",
  expired: "expired",
  cancelled: "cancelled",
  changed: "no longer a dead letter, or sent at that moment",
  undecodable: "its stage would reject it again",
  row_missing: "a delivery without its notification",
  idempotency_key_reused: "another notification has its idempotency key",
  no_channel: "its header names no stage",
  body_not_stored: "too large: replay it from the queue with tidings dlq replay --from-queue",
};

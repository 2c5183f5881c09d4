import { send } from "../../api/client.ts";
import type { NotificationPage } from "../../api/types.gen.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { Checklist } from "../send/checklist.tsx";

/** What a new installation needs, until a first notification is recorded. */
export function FirstSteps() {
  const sent = useLiveQuery({
    key: ["checklist", "sent"],
    load: (signal) => send<NotificationPage>("GET", "/api/notifications", { query: { limit: 1 }, signal }),
    every: 0,
  });
  return sent.data?.notifications.length === 0 ? <Checklist /> : null;
}

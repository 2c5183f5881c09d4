import { withQuery } from "../../api/client.ts";
import { type NotificationFilters, notificationQuery } from "../../api/notifications.ts";

/** Saves what matches, without payloads. The API streams the file. */
export function ExportLinks({ filters }: { filters: NotificationFilters }) {
  return (
    <>
      {(["csv", "ndjson"] as const).map((format) => (
        <a
          key={format}
          className="button"
          download
          href={withQuery("/api/notifications/export", {
            format,
            ...notificationQuery(filters),
            cursor: undefined,
          })}
        >
          Export {format.toUpperCase()}
        </a>
      ))}
    </>
  );
}

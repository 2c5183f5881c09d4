import { send } from "../../api/client.ts";
import type { Preferences, UserSettings } from "../../api/types.gen.ts";
import { Loaded } from "../../components/feedback.tsx";
import { Section, TableFrame } from "../../components/page.tsx";
import { words } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";

/** What a user receives on which channel, and when. */
export function UserPreferences({ id }: { id: string }) {
  const preferences = useLiveQuery({
    key: ["user", id, "preferences"],
    load: (signal) => send<Preferences>("GET", `/api/users/${id}/preferences`, { signal }),
    every: 30,
  });
  const settings = useLiveQuery({
    key: ["user", id, "settings"],
    load: (signal) => send<UserSettings>("GET", `/api/users/${id}/settings`, { signal }),
    every: 30,
  });
  return (
    <Section title="Preferences">
      <Loaded query={preferences} what="The preferences cannot be loaded.">
        {({ categories }) => <Grid categories={categories} />}
      </Loaded>
      <Loaded query={settings} what="The quiet hours cannot be loaded.">
        {({ quiet, quietChannels, timezone }) =>
          quiet.length === 0 ? (
            <p className="muted">No quiet hours.</p>
          ) : (
            <p>
              Quiet hours{timezone && ` (${timezone})`}:{" "}
              {quiet.map(({ days, from, to }) => `${dayNames(days)} ${from} to ${to}`).join("; ")}
              {quietChannels.length > 0 && `, for ${quietChannels.join(", ")}`}
            </p>
          )
        }
      </Loaded>
    </Section>
  );
}

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const dayNames = (days: number[]) =>
  days.length === 7 ? "daily" : days.map((day) => DAYS[day - 1] ?? String(day)).join(" ");

function Grid({ categories }: Pick<Preferences, "categories">) {
  const channels = [...new Set(categories.flatMap((one) => one.channels.map(({ channel }) => channel)))];
  if (categories.length === 0) {
    return <p className="muted">There are no categories to choose by.</p>;
  }
  return (
    <TableFrame label="Preferences by category and channel">
      <table className="narrow">
        <thead>
          <tr>
            <th scope="col">Category</th>
            {channels.map((channel) => (
              <th scope="col" key={channel}>
                {channel}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {categories.map((category) => (
            <tr key={category.name}>
              <th scope="row">
                {category.name === "*" ? "All others" : (category.label ?? category.name)}
                {category.locked && <span className="muted"> (always)</span>}
              </th>
              {channels.map((channel) => {
                const cell = category.channels.find((one) => one.channel === channel);
                return (
                  <td key={channel}>
                    {cell ? (cell.effective ? "yes" : "no") : "–"}
                    {cell && <div className="muted small-text">{words(cell.because)}</div>}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

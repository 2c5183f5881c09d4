import { send } from "../../api/client.ts";
import type { CategoryPreferences, Preference, Preferences } from "../../api/types.gen.ts";
import { Loaded } from "../../components/feedback.tsx";
import { Section, TableFrame } from "../../components/page.tsx";
import { useAct } from "../../lib/act.ts";
import { words } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";

/** What a user receives on which channel, and why. */
export function UserPreferences({ id }: { id: string }) {
  const path = `/api/users/${id}/preferences`;
  const act = useAct(["user", id, "preferences"]);
  const preferences = useLiveQuery({
    key: ["user", id, "preferences"],
    load: (signal) => send<Preferences>("GET", path, { signal }),
    every: 30,
  });
  const choose = (category: string, channel: string, enabled: boolean | null) =>
    act("The preference is changed. It counts from now on.", () =>
      send("PATCH", path, { body: { preferences: [{ category, channel, enabled }] } }),
    );
  return (
    <Section title="Preferences">
      <Loaded query={preferences} what="The preferences cannot be loaded.">
        {({ categories, preferences: choices }) => (
          <Grid categories={categories} choices={choices} onChoose={choose} />
        )}
      </Loaded>
    </Section>
  );
}

interface GridProps {
  categories: CategoryPreferences[];
  /** What was chosen for exactly one category and channel, or for all. */
  choices: Preference[];
  onChoose: (category: string, channel: string, enabled: boolean | null) => void;
}

function Grid({ categories, choices, onChoose }: GridProps) {
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
          {categories.map((category) => {
            const name = category.name === "*" ? "All others" : (category.label ?? category.name);
            return (
              <tr key={category.name}>
                <th scope="row">
                  {name}
                  {category.locked && <span className="muted"> (always)</span>}
                </th>
                {channels.map((channel) => {
                  const cell = category.channels.find((one) => one.channel === channel);
                  const own = choices.find(
                    (one) => one.category === category.name && one.channel === channel,
                  );
                  return (
                    <td key={channel}>
                      {!cell && "–"}
                      {cell?.effective && "yes"}
                      {cell && !cell.effective && "no"}
                      {cell && <div className="muted small-text">{words(cell.because)}</div>}
                      {cell && !category.locked && (
                        <select
                          aria-label={`${name} by ${channel}`}
                          value={own ? String(own.enabled) : ""}
                          onChange={(event) =>
                            onChoose(category.name, channel, ENABLED[event.target.value] ?? null)
                          }
                        >
                          <option value="">not chosen</option>
                          <option value="true">yes</option>
                          <option value="false">no</option>
                        </select>
                      )}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </TableFrame>
  );
}

const ENABLED: Record<string, boolean> = { true: true, false: false };

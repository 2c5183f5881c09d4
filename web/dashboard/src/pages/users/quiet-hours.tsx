import { useState } from "react";
import { send } from "../../api/client.ts";
import type { QuietWindow, UserSettings } from "../../api/types.gen.ts";
import { Confirm } from "../../components/dialog.tsx";
import { Loaded } from "../../components/feedback.tsx";
import { Section } from "../../components/page.tsx";
import { useChange } from "../../lib/act.ts";
import { useLiveQuery } from "../../lib/live.tsx";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const CHANNELS = ["push", "sms", "email"];

/** As many as the API takes. */
const MAX_WINDOWS = 14;

/** When a user does not want to be disturbed. */
export function QuietHours({ id }: { id: string }) {
  const [isEditing, setEditing] = useState(false);
  const settings = useLiveQuery({
    key: ["user", id, "settings"],
    load: (signal) => send<UserSettings>("GET", `/api/users/${id}/settings`, { signal }),
    every: 30,
  });
  return (
    <Section
      title="Quiet hours"
      actions={
        settings.data && (
          <button type="button" className="small" onClick={() => setEditing(true)}>
            Change quiet hours…
          </button>
        )
      }
    >
      <Loaded query={settings} what="The quiet hours cannot be loaded.">
        {({ quiet, quietChannels, timezone }) =>
          quiet.length === 0 ? (
            <p className="muted">No quiet hours.</p>
          ) : (
            <p>
              {quiet.map(({ days, from, to }) => `${dayNames(days)} ${from} to ${to}`).join("; ")}
              {timezone && ` (${timezone})`}
              {quietChannels.length > 0 && `, for ${quietChannels.join(", ")}`}
            </p>
          )
        }
      </Loaded>
      {isEditing && settings.data && (
        <QuietHoursDialog id={id} settings={settings.data} onClose={() => setEditing(false)} />
      )}
    </Section>
  );
}

const dayNames = (days: number[]) =>
  days.length === 7 ? "daily" : days.map((day) => DAYS[day - 1] ?? String(day)).join(" ");

interface DialogProps {
  id: string;
  settings: UserSettings;
  onClose: () => void;
}

interface EditedWindow extends QuietWindow {
  key: number;
}

function QuietHoursDialog({ id, settings, onClose }: DialogProps) {
  const save = useChange(["user", id]);
  const [windows, setWindows] = useState<EditedWindow[]>(() =>
    settings.quiet.map((one, key) => ({ ...one, key })),
  );
  const [channels, setChannels] = useState<string[]>(settings.quietChannels);
  const run = () => {
    const quiet = windows.map(({ days, from, to }) => ({ days, from, to }));
    return save("The quiet hours are changed.", () =>
      send("PATCH", `/api/users/${id}/settings`, { body: { quiet, quietChannels: channels } }),
    );
  };
  const change = (key: number, changed: Partial<QuietWindow>) =>
    setWindows((before) => before.map((one) => (one.key === key ? { ...one, ...changed } : one)));
  return (
    <Confirm title="Quiet hours" action="Save" run={run} onClose={onClose}>
      {windows.map((one, index) => (
        <WindowFields
          key={one.key}
          number={index + 1}
          window={one}
          onChange={(changed) => change(one.key, changed)}
          onRemove={() => setWindows((before) => before.filter(({ key }) => key !== one.key))}
        />
      ))}
      <div className="actions">
        <button
          type="button"
          className="small"
          disabled={windows.length >= MAX_WINDOWS}
          onClick={() =>
            setWindows((before) => [
              ...before,
              {
                key: Math.max(-1, ...before.map(({ key }) => key)) + 1,
                days: [1, 2, 3, 4, 5, 6, 7],
                from: "22:00",
                to: "07:00",
              },
            ])
          }
        >
          Add a time
        </button>
      </div>
      <fieldset className="checks">
        <legend>For</legend>
        {CHANNELS.map((channel) => (
          <Check
            key={channel}
            label={channel}
            isChecked={channels.includes(channel)}
            onChange={() => setChannels((before) => toggled(before, channel))}
          />
        ))}
      </fieldset>
    </Confirm>
  );
}

interface WindowProps {
  number: number;
  window: QuietWindow;
  onChange: (changed: Partial<QuietWindow>) => void;
  onRemove: () => void;
}

function WindowFields({ number, window: { days, from, to }, onChange, onRemove }: WindowProps) {
  return (
    <fieldset className="quiet-window">
      <legend>Time {number}</legend>
      <div className="checks">
        {DAYS.map((name, index) => (
          <Check
            key={name}
            label={name}
            isChecked={days.includes(index + 1)}
            onChange={() => onChange({ days: toggled(days, index + 1).sort((a, b) => a - b) })}
          />
        ))}
      </div>
      <div className="actions">
        <label>
          <span>From</span>
          <input
            type="time"
            required
            value={from}
            onChange={(event) => onChange({ from: event.target.value })}
          />
        </label>
        <label>
          <span>To</span>
          <input type="time" required value={to} onChange={(event) => onChange({ to: event.target.value })} />
        </label>
        <button type="button" className="small" aria-label={`Remove time ${number}`} onClick={onRemove}>
          Remove
        </button>
      </div>
    </fieldset>
  );
}

function Check({ label, isChecked, onChange }: { label: string; isChecked: boolean; onChange: () => void }) {
  return (
    <label>
      <input type="checkbox" checked={isChecked} onChange={onChange} />
      <span>{label}</span>
    </label>
  );
}

function toggled<T>(list: T[], one: T): T[] {
  return list.includes(one) ? list.filter((other) => other !== one) : [...list, one];
}

import { useState } from "react";
import { send } from "../../api/client.ts";
import { CHANNELS } from "../../api/notifications.ts";
import { Confirm } from "../../components/dialog.tsx";
import { AreaField, jsonObject, SelectField, TextField } from "../../components/fields.tsx";
import { useChange } from "../../lib/act.ts";

/** Creates a recurring schedule for one user. */
export function NewScheduleDialog({ onClose }: { onClose: () => void }) {
  const change = useChange(["schedules"]);
  const [user, setUser] = useState("");
  const [channel, setChannel] = useState<string>("email");
  const [cron, setCron] = useState("0 9 * * MON");
  const [timezone, setTimezone] = useState(() => Intl.DateTimeFormat().resolvedOptions().timeZone);
  const [template, setTemplate] = useState("");
  const [payload, setPayload] = useState('{\n  "subject": "",\n  "text": ""\n}');
  const run = async () => {
    const body = {
      targetUserId: user.trim(),
      type: channel,
      cron: cron.trim(),
      timezone: timezone.trim(),
      payload: jsonObject(payload),
      ...(template.trim() ? { template: { name: template.trim() } } : {}),
    };
    await change("The schedule is created.", () => send("POST", "/api/schedules", { body }));
  };
  return (
    <Confirm
      title="New schedule"
      action="Create the schedule"
      disabled={[user, cron, timezone].some((text) => text.trim() === "")}
      run={run}
      onClose={onClose}
    >
      <TextField label="User id" value={user} onChange={setUser} required />
      <SelectField label="Channel" value={channel} onChange={setChannel} options={CHANNELS} />
      <TextField
        label="Pattern"
        value={cron}
        onChange={setCron}
        required
        hint="Minute, hour, day of the month, month, day of the week"
      />
      <TextField
        label="Time zone"
        value={timezone}
        onChange={setTimezone}
        required
        hint="Such as Europe/Vienna"
      />
      <TextField
        label="Template"
        value={template}
        onChange={setTemplate}
        hint="Empty: the payload is the message"
      />
      <AreaField
        label="Payload (JSON)"
        value={payload}
        onChange={setPayload}
        hint="The message of the channel, or the variables of the template"
      />
    </Confirm>
  );
}

import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { send } from "../../api/client.ts";
import { CHANNELS } from "../../api/notifications.ts";
import type { AcceptedResponse, CategoryList, TemplatePage } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { ErrorNote } from "../../components/feedback.tsx";
import { AreaField, jsonObject, SelectField, TextField } from "../../components/fields.tsx";
import { Page, Section } from "../../components/page.tsx";
import { curl, tool } from "../../lib/commands.ts";
import { useFilters } from "../../lib/filters.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { Checklist } from "./checklist.tsx";

const NAMES = ["user", "channel", "template", "variables"] as const;

const EXAMPLES: Record<string, object> = {
  "in-app": { title: "Hello", body: "The first notification" },
  email: { subject: "Hello", text: "The first notification" },
  sms: { text: "The first notification" },
  push: { title: "Hello", body: "The first notification" },
  webhook: { event: "hello", data: {} },
};

/** What the form asks for. */
interface NotificationBody {
  targetUserId?: string;
  type: string;
  payload: unknown;
  template?: { name: string };
  category?: string;
  sendAt?: string;
}

/** A form for one notification. */
export default function SendPage() {
  const [given] = useFilters(NAMES);
  const [user, setUser] = useState(given.user ?? "");
  const [channel, setChannel] = useState(given.channel ?? "in-app");
  const [template, setTemplate] = useState(given.template ?? "");
  const [category, setCategory] = useState("");
  const [sendAt, setSendAt] = useState("");
  const [payload, setPayload] = useState(given.variables ?? pretty(EXAMPLES[channel]));
  const [sent, setSent] = useState<AcceptedResponse>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const templates = useLiveQuery({
    key: ["templates", "names"],
    load: (signal) => send<TemplatePage>("GET", "/api/templates", { query: { limit: 200 }, signal }),
    every: 0,
  });
  const categories = useLiveQuery({
    key: ["categories"],
    load: (signal) => send<CategoryList>("GET", "/api/categories", { signal }),
    every: 0,
  });
  const choose = (next: string) => {
    // An example that nobody has changed follows the channel.
    if (payload === pretty(EXAMPLES[channel])) {
      setPayload(pretty(EXAMPLES[next]));
    }
    setChannel(next);
  };
  const body = (): NotificationBody => ({
    ...(user.trim() ? { targetUserId: user.trim() } : {}),
    type: channel,
    payload: jsonObject(payload),
    ...(template ? { template: { name: template } } : {}),
    ...(category ? { category } : {}),
    ...(sendAt ? { sendAt: new Date(sendAt).toISOString() } : {}),
  });
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    setSent(undefined);
    try {
      setSent(await send<AcceptedResponse>("POST", "/api/notifications", { body: body() }));
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  const names = [
    ...new Set(templates.data?.templates.filter((one) => one.channel === channel).map(({ name }) => name)),
  ];
  const shown = safely(body);
  return (
    <Page title="Send">
      <Checklist />
      <Section title="One notification">
        <form className="editor" onSubmit={submit}>
          <TextField
            label="User id"
            value={user}
            onChange={setUser}
            hint={
              <>
                From <Link href="/users">Users</Link>. Without it, the payload must name the recipient in{" "}
                <code>to</code>.
              </>
            }
          />
          <SelectField label="Channel" value={channel} onChange={choose} options={CHANNELS} />
          <OptionalSelect label="Template" value={template} onChange={setTemplate} options={names} />
          <OptionalSelect
            label="Category"
            value={category}
            onChange={setCategory}
            options={categories.data?.categories.map(({ name }) => name) ?? []}
          />
          <label>
            <span>Send at (local time)</span>
            <input type="datetime-local" value={sendAt} onChange={(event) => setSendAt(event.target.value)} />
            <small>Empty: now</small>
          </label>
          <AreaField
            label={template ? "Variables of the template (JSON)" : "Payload (JSON)"}
            value={payload}
            onChange={setPayload}
          />
          {error !== undefined && <ErrorNote error={error} what="It was not accepted." />}
          {sent && (
            <p className="note good" role="status">
              Accepted. <Link href={`/notifications/${sent.messageId}`}>See what happens to it</Link>
            </p>
          )}
          <div className="actions">
            <button type="submit" className="primary" disabled={isBusy}>
              Send
            </button>
          </div>
        </form>
      </Section>
      <Commands
        api={[curl("POST", "/api/notifications", { body: shown })]}
        cli={[
          tool("notifications send", {
            user: shown.targetUserId,
            channel: shown.type,
            template: shown.template?.name,
            category: shown.category,
            "send-at": shown.sendAt,
            payload: JSON.stringify(shown.payload),
          }),
        ]}
      />
    </Page>
  );
}

const pretty = (value: object | undefined) => JSON.stringify(value ?? {}, null, 2);

/** What the form says, or an example while it cannot be read. */
function safely(body: () => NotificationBody): NotificationBody {
  try {
    return body();
  } catch {
    return { targetUserId: "USER_ID", type: "in-app", payload: EXAMPLES["in-app"] ?? {} };
  }
}

interface OptionalProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  options: readonly string[];
}

function OptionalSelect({ label, value, onChange, options }: OptionalProps) {
  const all = value && !options.includes(value) ? [value, ...options] : options;
  return (
    <label>
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">None</option>
        {all.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  );
}

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { send } from "../../api/client.ts";
import type { ChannelOverview } from "../../api/overview.ts";
import { loadStatistics } from "../../api/statistics.ts";
import type { SendingStatus } from "../../api/types.gen.ts";
import { Confirm } from "../../components/dialog.tsx";
import { Section, TableFrame } from "../../components/page.tsx";
import { Sparkline } from "../../components/sparkline.tsx";
import { Status } from "../../components/status.tsx";
import { For } from "../../components/time.tsx";
import { notify } from "../../components/toasts.tsx";
import { linkTo } from "../../lib/filters.ts";
import { counted, formatCount, MISSING } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { useMay } from "../../session/session.tsx";

interface Asked {
  channel: ChannelOverview;
  action: "stop" | "start";
}

export function Channels({ channels }: { channels: ChannelOverview[] }) {
  const mayControl = useMay("sending:control");
  const client = useQueryClient();
  const [asked, setAsked] = useState<Asked>();
  const delivered = useLiveQuery({
    key: ["stats", "sparklines"],
    load: (signal) => loadStatistics({ from: "-1h", by: "channel", measure: "delivered" }, signal),
    every: 30,
  });
  const sending = useLiveQuery({
    key: ["overview", "sending"],
    load: (signal) => send<SendingStatus>("GET", "/api/sending", { signal }),
  });
  const inFlight = new Map(sending.data?.channels.map((one) => [one.channel, one.inFlight]));
  const series = new Map(
    delivered.data?.series.map(({ by, points }) => [by, points.map((point) => point.n)]),
  );
  const changed = (text: string) => {
    notify(text);
    void client.invalidateQueries({ queryKey: ["overview"] });
  };
  const probe = (channel: string) =>
    send("POST", `/api/channels/${channel}/probe`).then(
      () => changed(`Workers try the provider of ${channel} with one message.`),
      (error: Error) => notify(`The provider of ${channel} was not tried: ${error.message}`),
    );
  return (
    <Section title="Channels">
      <TableFrame label="Channels">
        <table>
          <thead>
            <tr>
              <th scope="col">Channel</th>
              <th scope="col">State</th>
              <th scope="col">Provider</th>
              <th scope="col" className="number">
                Ready
              </th>
              <th scope="col" className="number">
                Consumers
              </th>
              <th scope="col" className="number">
                Being sent
              </th>
              <th scope="col">Delivered, last hour</th>
              {mayControl && (
                <th scope="col">
                  <span className="hidden">Actions</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {channels.map((one) => (
              <tr key={one.channel}>
                <th scope="row">
                  <Link href={linkTo("/notifications", { channel: one.channel })}>{one.channel}</Link>
                </th>
                <td>
                  <Status value={one.state} />
                  {one.since && (
                    <span className="muted">
                      {" "}
                      <For since={one.since} />
                    </span>
                  )}
                  {one.reason && <div className="detail">{one.reason}</div>}
                </td>
                <td>{one.provider ?? MISSING}</td>
                <td className="number">
                  <Link href={linkTo("/notifications", { channel: one.channel, status: "pending" })}>
                    {formatCount(one.depth)}
                  </Link>
                </td>
                <td className="number">{formatCount(one.consumers)}</td>
                <td className="number">{formatCount(inFlight.get(one.channel))}</td>
                <td>
                  <Sparkline
                    values={series.get(one.channel) ?? []}
                    label={`${counted(
                      (series.get(one.channel) ?? []).reduce((sum, n) => sum + n, 0),
                      "notification",
                    )} delivered in the last hour`}
                  />
                </td>
                {mayControl && (
                  <td className="row-actions">
                    {one.state === "away" && (
                      <button type="button" className="small" onClick={() => void probe(one.channel)}>
                        Probe now
                      </button>
                    )}
                    <button
                      type="button"
                      className="small"
                      onClick={() => setAsked({ channel: one, action: one.stopped ? "start" : "stop" })}
                    >
                      {one.stopped ? "Start" : "Stop"}
                      <span className="hidden"> {one.channel}</span>
                    </button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </TableFrame>
      {asked && <SwitchDialog {...asked} onClose={() => setAsked(undefined)} onDone={changed} />}
    </Section>
  );
}

function SwitchDialog({
  channel: { channel, depth },
  action,
  onClose,
  onDone,
}: Asked & { onClose: () => void; onDone: (text: string) => void }) {
  const [reason, setReason] = useState("");
  const isStop = action === "stop";
  const waiting = counted(depth ?? 0, "message waits", "messages wait");
  const run = async () => {
    const body = isStop ? { channel, ...(reason.trim() ? { reason: reason.trim() } : {}) } : { channel };
    const { inFlight } = await send<{ inFlight: number }>("POST", `/api/sending/${action}`, { body });
    onDone(
      isStop
        ? `${channel} is stopped. ${counted(inFlight, "notification is", "notifications are")} still being sent.`
        : `${channel} is started.`,
    );
  };
  return (
    <Confirm
      title={isStop ? `Stop ${channel}?` : `Start ${channel}?`}
      action={isStop ? `Stop ${channel}` : `Start ${channel}`}
      destroys={isStop}
      run={run}
      onClose={onClose}
    >
      {isStop ? (
        <>
          <p>
            Notifications are still accepted and recorded, but no worker sends {channel} until you start it
            again, also after a restart. {waiting} in the queue now.
          </p>
          <label>
            <span>Reason, for other operators</span>
            <input value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} />
          </label>
        </>
      ) : (
        <p>Everything that waits is sent. {waiting} in the queue now.</p>
      )}
    </Confirm>
  );
}

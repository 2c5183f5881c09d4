import { useState } from "react";
import { Link } from "wouter";
import { send } from "../../api/client.ts";
import type { ChannelOverview } from "../../api/overview.ts";
import { loadStatistics } from "../../api/statistics.ts";
import type { SendingStatus } from "../../api/types.gen.ts";
import { Section, TableFrame } from "../../components/page.tsx";
import { Sparkline } from "../../components/sparkline.tsx";
import { Status } from "../../components/status.tsx";
import { For } from "../../components/time.tsx";
import { linkTo } from "../../lib/filters.ts";
import { counted, formatCount, MISSING } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { useMay } from "../../session/session.tsx";
import { type Switch, SwitchDialog, useProbe } from "./channel-actions.tsx";

export function Channels({ channels }: { channels: ChannelOverview[] }) {
  const mayControl = useMay("sending:control");
  const [asked, setAsked] = useState<Switch>();
  const probe = useProbe();
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
  return (
    <Section title="Channels">
      <TableFrame label="Channels">
        <table className="cards">
          <thead>
            <tr>
              <th scope="col">Channel</th>
              <th scope="col">State</th>
              <th scope="col">Provider</th>
              <th scope="col" className="number">
                Waiting
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
                <td data-label="Provider">{one.provider ?? MISSING}</td>
                <td className="number" data-label="Waiting">
                  <Link href={linkTo("/notifications", { channel: one.channel, status: "pending" })}>
                    {formatCount(one.depth)}
                  </Link>
                </td>
                <td className="number" data-label="Consumers">
                  {formatCount(one.consumers)}
                </td>
                <td className="number" data-label="Being sent">
                  {formatCount(inFlight.get(one.channel))}
                </td>
                <td data-label="Delivered, last hour">
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
                      onClick={() => setAsked({ ...one, action: one.stopped ? "start" : "stop" })}
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
      {asked && <SwitchDialog {...asked} onClose={() => setAsked(undefined)} />}
    </Section>
  );
}

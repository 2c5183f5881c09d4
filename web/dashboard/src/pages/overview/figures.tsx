import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Overview } from "../../api/overview.ts";
import { Section } from "../../components/page.tsx";
import { linkTo } from "../../lib/filters.ts";
import { formatCount, formatDuration, formatRate, formatRatio, MISSING } from "../../lib/format.ts";

/** Below this share, deliveries of the last hour need attention. */
const GOOD_RATIO = 0.95;

/** What was accepted until a minute after the oldest one that waits, so that the list begins with the oldest ones. */
function acceptedBefore(at: string, oldest: number | null | undefined): string | undefined {
  return oldest === null || oldest === undefined
    ? undefined
    : new Date(Math.ceil((Date.parse(at) - oldest * 1000) / 60_000 + 1) * 60_000).toISOString();
}

/** How much is sent, and what waits. Each figure leads to its rows. */
export function Figures({ overview }: { overview: Overview }) {
  const { rates, acceptedToDelivered, oldestWaitingSeconds: oldest } = overview;
  const minute = Math.floor(new Date(overview.at).getTime() / 60_000) * 60_000;
  const ago = (minutes: number) => new Date(minute - minutes * 60_000).toISOString();
  // The rates are those of the last minute that is saved, the other figures those of the last hour.
  const [recently, hourAgo, dayAgo] = [ago(2), ago(60), ago(24 * 60)];
  const capped = (count: number | null | undefined, isCapped: boolean | undefined) =>
    `${formatCount(count)}${isCapped ? "+" : ""}`;
  return (
    <Section title="Now">
      <dl className="figures">
        <Figure
          label="Accepted"
          href={linkTo("/notifications", { from: recently })}
          unit="/s"
          value={formatRate(rates?.acceptedPerSecond)}
        />
        <Figure
          label="Delivered"
          href={linkTo("/notifications", { status: "processed", from: hourAgo })}
          unit="/s"
          value={formatRate(rates?.deliveredPerSecond)}
        />
        <Figure
          label="Failed"
          href={linkTo("/dead-letters", { from: recently })}
          unit="/s"
          value={formatRate(rates?.failedPerSecond)}
          isBad={(rates?.failedPerSecond ?? 0) > 0}
        />
        <Figure
          label="Waiting"
          href={linkTo("/notifications", { status: "pending" })}
          unit="messages"
          value={formatCount(overview.waiting)}
        />
        <Figure
          label="Oldest waiting"
          href={linkTo("/notifications", { status: "pending", to: acceptedBefore(overview.at, oldest) })}
          value={oldest === null || oldest === undefined ? MISSING : formatDuration(oldest * 1000)}
        />
        <Figure
          label="Dead letters"
          href="/dead-letters"
          value={capped(overview.deadLetters, overview.deadLettersCapped)}
          isBad={(overview.deadLetters24h ?? 0) > 0}
        >
          <Link href={linkTo("/dead-letters", { from: dayAgo })}>
            +{capped(overview.deadLetters24h, overview.deadLetters24hCapped)} in 24 h
          </Link>
        </Figure>
        <Figure
          label="Success, last hour"
          href={linkTo("/dead-letters", { from: hourAgo })}
          value={formatRatio(overview.successRatio)}
          isBad={(overview.successRatio ?? 1) < GOOD_RATIO}
        />
        <Figure
          label="Until delivered, p50"
          href={linkTo("/notifications", { status: "processed", from: hourAgo })}
          value={formatDuration(acceptedToDelivered.p50Ms)}
        />
        <Figure
          label="Until delivered, p95"
          href={linkTo("/notifications", { status: "processed", from: hourAgo })}
          value={formatDuration(acceptedToDelivered.p95Ms)}
        />
      </dl>
    </Section>
  );
}

interface FigureProps {
  label: string;
  href: string;
  value: string;
  unit?: string;
  isBad?: boolean;
  children?: ReactNode;
}

function Figure({ label, href, value, unit, isBad, children }: FigureProps) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        <Link href={href} className={isBad ? "bad" : undefined}>
          {value}
        </Link>
        {unit && <span className="muted"> {unit}</span>}
        {children && <div className="more">{children}</div>}
      </dd>
    </div>
  );
}

import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Overview } from "../../api/overview.ts";
import { Section } from "../../components/page.tsx";
import { Minute } from "../../components/time.tsx";
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
  const { acceptedToDelivered, oldestWaitingSeconds: oldest } = overview;
  const minute = Math.floor(new Date(overview.at).getTime() / 60_000) * 60_000;
  const ago = (minutes: number) => new Date(minute - minutes * 60_000).toISOString();
  const [hourAgo, dayAgo] = [ago(60), ago(24 * 60)];
  const capped = (count: number | null | undefined, isCapped: boolean | undefined) =>
    `${formatCount(count)}${isCapped ? "+" : ""}`;
  return (
    <Section title="Now">
      <Rates overview={overview} />
      <dl className="figures">
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
          href={linkTo("/notifications", { status: "processed", endedFrom: hourAgo })}
          value={formatDuration(acceptedToDelivered.p50Ms)}
        />
        <Figure
          label="Until delivered, p95"
          href={linkTo("/notifications", { status: "processed", endedFrom: hourAgo })}
          value={formatDuration(acceptedToDelivered.p95Ms)}
        />
      </dl>
    </Section>
  );
}

/** What was accepted, delivered and failed in the last minute that is saved, and what has been counted since. */
function Rates({ overview: { rates, latest } }: { overview: Overview }) {
  const end = latest?.since;
  const inMinute = rates && end ? { from: rates.minute, to: end } : undefined;
  const figures = [
    ["Accepted", rates?.acceptedPerSecond, latest?.accepted, accepted],
    ["Delivered", rates?.deliveredPerSecond, latest?.delivered, ended("processed")],
    ["Failed", rates?.failedPerSecond, latest?.failed, ended("failed")],
  ] as const;
  return (
    <>
      {inMinute && (
        <p className="muted">
          In the minute of <Minute at={inMinute.from} />, and how many since then, up to 10 s ago:
        </p>
      )}
      <dl className="figures">
        {figures.map(([label, rate, count, filters]) => (
          <Figure
            key={label}
            label={label}
            href={linkTo("/notifications", filters(inMinute))}
            unit="/s"
            value={formatRate(rate)}
            isBad={label === "Failed" && ((rate ?? 0) > 0 || (count ?? 0) > 0)}
          >
            {end && (
              <Link href={linkTo("/notifications", filters({ from: end }))}>
                {formatCount(count)} since <Minute at={end} isShort />
              </Link>
            )}
          </Figure>
        ))}
      </dl>
    </>
  );
}

type Span = { from: string; to?: string } | undefined;

const accepted = (span: Span) => ({ ...span });
const ended = (status: string) => (span: Span) => ({ status, endedFrom: span?.from, endedTo: span?.to });

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

import { useMemo, useState } from "react";
import {
  type BulkKind,
  type DeadLetterFilter,
  filterBody,
  isEmpty,
  loadDeadLetters,
  loadGroups,
  REASONS,
} from "../../api/dead-letters.ts";
import { CHANNELS } from "../../api/notifications.ts";
import { loadStatistics, rates, refreshSeconds, statisticsQuery } from "../../api/statistics.ts";
import { Chart } from "../../components/chart.tsx";
import { Commands } from "../../components/commands.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { FilterBar, SelectFilter, TextFilter, TimeFilter } from "../../components/filters.tsx";
import { Page, Section } from "../../components/page.tsx";
import { Pager } from "../../components/pager.tsx";
import { PeriodChoice } from "../../components/period-choice.tsx";
import { curl, tool } from "../../lib/commands.ts";
import { type Filters, useFilters, without } from "../../lib/filters.ts";
import { formatRate } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { PAGE_FILTERS } from "../../lib/page-filters.ts";
import { usePeriod } from "../../lib/period.ts";
import { useMay } from "../../session/session.tsx";
import { BulkDialog } from "./bulk-dialog.tsx";
import { GroupTable } from "./groups.tsx";
import { LetterPage } from "./letter.tsx";
import { LetterTable } from "./letters.tsx";

const NAMES = PAGE_FILTERS["/dead-letters"];
type PageFilters = Filters<(typeof NAMES)[number]>;

/** The stages of messages that could not be recorded. */
const STAGES = [
  "intake",
  "events.email.send",
  "events.notification.send",
  "events.user.delete",
  ["none", "no stage known"],
] as const;

interface Asked {
  kind: BulkKind;
  filter: DeadLetterFilter;
}

/** The dead letters, or the one that the address names. */
export function DeadLettersPage() {
  const [{ id }] = useFilters(NAMES);
  return id ? <LetterPage key={id} id={id} /> : <DeadLetters />;
}

function DeadLetters() {
  const [{ cursor, id: _id, ...filter }, change] = useFilters(NAMES);
  const [asked, setAsked] = useState<Asked>();
  const mayWrite = useMay("dead-letters:write");
  const groups = useLiveQuery({
    key: ["dead-letters", "groups", filter],
    load: (signal) => loadGroups(filter, signal),
    every: 10,
  });
  const letters = useLiveQuery({
    key: ["dead-letters", "list", filter, cursor],
    load: (signal) => loadDeadLetters({ ...filter, cursor, limit: 20 }, signal),
    every: 10,
  });
  const hasFilter = Object.keys(filter).length > 0;
  const set = (changed: PageFilters) => change({ ...changed, cursor: undefined });
  const clear = () => set(without(NAMES));
  const field = (name: keyof typeof filter) => ({
    value: filter[name],
    onChange: (value: string | undefined) => set({ [name]: value }),
  });
  const isNothing = groups.data?.groups.length === 0;
  return (
    <Page
      title="Dead letters"
      actions={
        mayWrite &&
        !isNothing && (
          <>
            <button type="button" className="primary" onClick={() => setAsked({ kind: "replay", filter })}>
              {hasFilter ? "Replay all that match…" : "Replay all…"}
            </button>
            <button type="button" onClick={() => setAsked({ kind: "purge", filter })}>
              {hasFilter ? "Discard all that match…" : "Discard all…"}
            </button>
          </>
        )
      }
    >
      <FilterBar onClear={hasFilter ? clear : undefined}>
        <TextFilter label="Reason" placeholder="provider_failed" suggestions={REASONS} {...field("reason")} />
        <SelectFilter label="Channel or stage" options={[...CHANNELS, ...STAGES]} {...field("channel")} />
        <TextFilter label="Provider or host" placeholder="smtp" {...field("provider")} />
        {filter.endpointId && <TextFilter label="Endpoint id" {...field("endpointId")} />}
        <TimeFilter label="Failed from" {...field("from")} />
        <TimeFilter label="Failed before" {...field("to")} />
      </FilterBar>
      <Loaded query={groups} what="The dead letters cannot be counted.">
        {(found) =>
          found.groups.length === 0 ? (
            <NothingFailed hasFilter={hasFilter} clear={clear} />
          ) : (
            <Section title="By reason, channel and provider">
              <GroupTable
                groups={found.groups}
                filter={filter}
                mayWrite={mayWrite}
                ask={(kind, group) => setAsked({ kind, filter: { ...filter, ...group } })}
              />
            </Section>
          )
        }
      </Loaded>
      {!isNothing && (
        <Loaded query={letters} what="The dead letters cannot be loaded.">
          {({ deadLetters, nextCursor }) => (
            <Section title="Latest">
              <LetterTable
                letters={deadLetters}
                mayWrite={mayWrite}
                ask={(kind, id) => setAsked({ kind, filter: { ids: [id] } })}
              />
              <Pager cursor={cursor} next={nextCursor} onMove={(next) => change({ cursor: next })} />
            </Section>
          )}
        </Loaded>
      )}
      <OverTime channel={filter.channel} />
      {asked && <BulkDialog {...asked} onClose={() => setAsked(undefined)} />}
      <Commands
        api={[
          curl("GET", "/api/dead-letters/groups", { query: filter }),
          curl("GET", "/api/dead-letters", { query: filter }),
          curl("POST", "/api/dead-letters/replay", { body: { filter: filterBody(filter), dryRun: true } }),
          curl("POST", "/api/dead-letters/replay", {
            body: { filter: filterBody(filter), ratePerSecond: 100 },
          }),
        ]}
        cli={[
          tool("dlq groups", conditions(filter)),
          tool("dlq list", { recorded: true, ...conditions(filter) }),
          tool("dlq replay", { ...selection(filter), "dry-run": true }),
          tool("dlq replay", { ...selection(filter), rate: 100 }),
          tool("dlq purge", { recorded: true, ...selection(filter) }),
        ]}
      />
    </Page>
  );
}

/** The options of the tool that say which dead letters. */
function conditions(filter: DeadLetterFilter): Record<string, string | undefined> {
  const { reason, channel, provider, endpointId: endpoint, from, to } = filter;
  return { reason, channel, provider, endpoint, from, to };
}

/** Those of a command that changes something. */
function selection(filter: DeadLetterFilter): Record<string, string | true | undefined> {
  return isEmpty(filter) ? { all: true } : conditions(filter);
}

function NothingFailed({ hasFilter, clear }: { hasFilter: boolean; clear: () => void }) {
  return hasFilter ? (
    <Empty title="No dead letter matches">
      <p>Change the filters, or remove them.</p>
      <button type="button" onClick={clear}>
        Clear filters
      </button>
    </Empty>
  ) : (
    <Empty title="There are no dead letters">
      <p>
        A notification that uses up its attempts, or can never be sent, appears here with its reason. There is
        nothing to do.
      </p>
    </Empty>
  );
}

function OverTime({ channel }: { channel: string | undefined }) {
  const chosen = usePeriod();
  const isChannel = CHANNELS.some((one) => one === channel);
  const query = statisticsQuery(chosen.period, {
    by: "reason",
    measure: "dead_lettered",
    ...(isChannel ? { type: channel } : {}),
  });
  const statistics = useLiveQuery({
    key: ["stats", query],
    load: (signal) => loadStatistics(query, signal),
    every: chosen.period.to === "now" ? refreshSeconds(chosen.period) : 0,
  });
  const data = useMemo(() => statistics.data && rates(statistics.data), [statistics.data]);
  return (
    <Section
      title="Over time"
      actions={
        <PeriodChoice {...chosen} rows={{ text: "Dead letters of this period", path: "/dead-letters" }} />
      }
    >
      <Loaded query={statistics} what="The figures cannot be loaded.">
        {() =>
          data && (
            <Chart
              title={`New dead letters per second${isChannel ? ` (${channel})` : ""}, by reason`}
              data={data}
              format={formatRate}
              onZoom={chosen.select}
            />
          )
        }
      </Loaded>
    </Section>
  );
}

import { OVERVIEW } from "../../api/overview.ts";
import { Commands } from "../../components/commands.tsx";
import { Loaded } from "../../components/feedback.tsx";
import { Page, Section } from "../../components/page.tsx";
import { PeriodChoice } from "../../components/period-choice.tsx";
import { curl, tool } from "../../lib/commands.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { usePeriod } from "../../lib/period.ts";
import { Channels } from "./channels.tsx";
import { Charts } from "./charts.tsx";
import { Figures } from "./figures.tsx";
import { FirstSteps } from "./first-steps.tsx";
import { Ladder } from "./ladder.tsx";
import { Problems } from "./problems.tsx";

export function OverviewPage() {
  const period = usePeriod();
  const overview = useLiveQuery(OVERVIEW);
  return (
    <Page title="Overview">
      <FirstSteps />
      <Loaded query={overview} what="The overview cannot be loaded.">
        {(now) => (
          <>
            <Problems problems={now.problems} />
            <Figures overview={now} />
            <Channels channels={now.channels} />
          </>
        )}
      </Loaded>
      <Section
        title="Over time"
        actions={
          <PeriodChoice {...period} rows={{ text: "Accepted in this period", path: "/notifications" }} />
        }
      >
        <Charts {...period} processes={overview.data?.processes ?? []} />
      </Section>
      {overview.data && <Ladder ladder={overview.data.ladder} />}
      <Commands
        api={[
          curl("GET", "/api/overview"),
          curl("GET", "/api/stats", { query: { from: period.period.from, by: "outcome" } }),
          curl("GET", "/api/stats/queues"),
          curl("POST", "/api/sending/stop", { body: { channel: "email", reason: "maintenance" } }),
          curl("POST", "/api/channels/email/probe"),
        ]}
        cli={[
          tool("overview"),
          tool("doctor"),
          tool("stats", { from: period.period.from, by: "outcome" }),
          tool("sending status"),
          tool("sending stop", { channel: "email", reason: "maintenance" }),
          tool("channels probe email"),
        ]}
      />
    </Page>
  );
}

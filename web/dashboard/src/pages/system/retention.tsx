import { send } from "../../api/client.ts";
import type { Retention as Figures } from "../../api/types.gen.ts";
import { Loaded } from "../../components/feedback.tsx";
import { Section } from "../../components/page.tsx";
import { Time } from "../../components/time.tsx";
import { counted, formatCount } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";

/** How much is kept, and what the last sweep has done. */
export function Retention() {
  const retention = useLiveQuery({
    key: ["system", "retention"],
    load: (signal) => send<Figures>("GET", "/api/system/retention", { signal }),
    every: 60,
  });
  return (
    <Section title="Retention">
      <Loaded query={retention} what="It is not known how much is kept.">
        {({ rows, bytes, oldest, lastSweep, payloadsRemoved, rowsDeleted, deadLettersRemoved }) => (
          <dl className="facts wide">
            <Fact label="Notifications">
              about {formatCount(rows)} ({formatCount(Math.round(bytes / 1048576))} MiB)
            </Fact>
            <Fact label="The oldest">{oldest ? <Time at={oldest} ago /> : "none"}</Fact>
            <Fact label="Last sweep">
              {lastSweep ? <Time at={lastSweep} ago /> : "none: no worker with the stage scheduler has swept"}
            </Fact>
            {lastSweep && (
              <Fact label="It has">
                erased {counted(payloadsRemoved, "payload")}, deleted {counted(rowsDeleted, "row")}, removed{" "}
                {counted(deadLettersRemoved, "dead letter")}
              </Fact>
            )}
          </dl>
        )}
      </Loaded>
    </Section>
  );
}

function Fact({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

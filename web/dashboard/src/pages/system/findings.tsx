import { send } from "../../api/client.ts";
import type { SystemFinding, SystemFindings } from "../../api/types.gen.ts";
import { Loaded } from "../../components/feedback.tsx";
import { Section } from "../../components/page.tsx";
import { Time } from "../../components/time.tsx";
import { counted } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";

const WORST_FIRST = ["error", "warning", "info", "ok"];

/** What `tidings doctor` finds, with what to do about it. */
export function Findings() {
  const findings = useLiveQuery({
    key: ["system", "findings"],
    load: (signal) => send<SystemFindings>("GET", "/api/system/findings", { signal }),
    every: 30,
  });
  return (
    <Section title="Checks">
      <Loaded query={findings} what="The servers cannot be checked.">
        {({ at, errors, warnings, findings: all }) => {
          const shown = [...all].sort((a, b) => rank(a) - rank(b));
          const good = shown.filter(({ severity }) => severity === "ok");
          return (
            <>
              <p className="muted">
                {counted(errors, "error")}, {counted(warnings, "warning")}, checked <Time at={at} ago />
              </p>
              <FindingList findings={shown.filter(({ severity }) => severity !== "ok")} />
              <details className="good-checks">
                <summary>{counted(good.length, "check")} without a finding</summary>
                <FindingList findings={good} />
              </details>
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}

const rank = ({ severity }: SystemFinding) => WORST_FIRST.indexOf(severity);

function FindingList({ findings }: { findings: SystemFinding[] }) {
  return (
    <ul className="problems findings">
      {findings.map(({ check, severity, message, remedy }) => (
        <li key={check + message} className={severity}>
          <span className="severity">{severity}</span>
          <div className="message">
            <p>{message}</p>
            {remedy && <p className="muted">What to do: {remedy}</p>}
          </div>
          <code>{check}</code>
        </li>
      ))}
    </ul>
  );
}

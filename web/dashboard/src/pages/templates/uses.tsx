import { Link } from "wouter";
import { send } from "../../api/client.ts";
import type { TemplateUses } from "../../api/types.gen.ts";
import { Loaded } from "../../components/feedback.tsx";
import { Section } from "../../components/page.tsx";
import { linkTo } from "../../lib/filters.ts";
import { useLiveQuery } from "../../lib/live.tsx";

/** Where a template is used. */
export function Uses({ name }: { name: string }) {
  const uses = useLiveQuery({
    key: ["template", name, "uses"],
    load: (signal) =>
      send<TemplateUses>("GET", `/api/templates/${encodeURIComponent(name)}/uses`, { signal }),
    every: 0,
  });
  return (
    <Section title="Where used">
      <Loaded query={uses} what="It is not known where the template is used.">
        {({ accounts, category, schedules, more }) => (
          <ul className="plain">
            <li>
              <Link href={linkTo("/notifications", { template: name })}>Notifications that name it</Link>
            </li>
            {accounts && <li>The messages of accounts, such as those with a link to set a password</li>}
            {category && (
              <li>
                The digests of the category <Link href="/categories">{category}</Link>
              </li>
            )}
            {schedules.map(({ id, type, cron, locale, paused }) => (
              <li key={id}>
                <Link href="/schedules">
                  Schedule <code>{id}</code>
                </Link>
                , {type}
                {locale && ` (${locale})`}, <code>{cron}</code>
                {paused && ", paused"}
              </li>
            ))}
            {more && <li>More schedules</li>}
          </ul>
        )}
      </Loaded>
    </Section>
  );
}

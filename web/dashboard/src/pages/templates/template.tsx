import { useQueryClient } from "@tanstack/react-query";
import { Link } from "wouter";
import { ApiError, send } from "../../api/client.ts";
import type { Template, TemplatePage as TemplateList, TemplateVersionPage } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { ErrorNote, Loaded } from "../../components/feedback.tsx";
import { Page, Section } from "../../components/page.tsx";
import { curl, quoted, tool } from "../../lib/commands.ts";
import { linkTo, useFilters } from "../../lib/filters.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { Editor } from "./editor.tsx";
import { TEMPLATE_CHANNELS, templateLink } from "./links.ts";
import { Uses } from "./uses.tsx";
import { Versions } from "./versions.tsx";

const NAMES = ["channel", "locale", "variables"] as const;

/** One template: its languages, its source, its versions, and what it renders. */
export default function TemplatePage({ name }: { name: string }) {
  const client = useQueryClient();
  const [filters] = useFilters(NAMES);
  const encoded = encodeURIComponent(name);
  const variants = useLiveQuery({
    key: ["template", name],
    load: (signal) =>
      send<TemplateList>("GET", `/api/templates/${encoded}`, { query: { limit: 200 }, signal }),
    every: 0,
  });
  const first = variants.data?.templates[0];
  const channel = filters.channel ?? first?.channel;
  const locale = filters.locale ?? variants.data?.templates.find((one) => one.channel === channel)?.locale;
  const path =
    channel && locale ? `/api/templates/${encoded}/${channel}/${encodeURIComponent(locale)}` : undefined;
  const template = useLiveQuery({
    key: ["template", name, channel, locale],
    load: (signal) => loadTemplate(path ?? "", signal),
    enabled: path !== undefined,
    every: 0,
  });
  const versions = useLiveQuery({
    key: ["template", name, channel, locale, "versions"],
    load: (signal) => send<TemplateVersionPage>("GET", `${path}/versions`, { query: { limit: 50 }, signal }),
    enabled: template.data !== undefined && template.data !== null,
    every: 0,
  });
  const isUnknown = variants.error instanceof ApiError && variants.error.status === 404 && !filters.channel;
  const refresh = () => client.invalidateQueries({ queryKey: ["template", name] });
  return (
    <Page
      title={`Template ${name}`}
      actions={<Link href={linkTo("/notifications", { template: name })}>Notifications that use it</Link>}
    >
      {isUnknown && <ErrorNote error={variants.error} what="There is no such template." />}
      {variants.data && (
        <nav aria-label="Languages" className="variants">
          {variants.data.templates.map((one) => (
            <Link
              key={`${one.channel} ${one.locale}`}
              href={templateLink(name, one.channel, one.locale)}
              aria-current={one.channel === channel && one.locale === locale ? "page" : undefined}
            >
              {one.channel}, {one.locale}
            </Link>
          ))}
        </nav>
      )}
      {path && channel && locale && TEMPLATE_CHANNELS.some((one) => one === channel) && (
        <Loaded query={template} what="The template cannot be loaded.">
          {(found) => (
            <>
              <Editor
                key={`${channel} ${locale} ${found?.version}`}
                name={name}
                path={path}
                channel={channel}
                template={found}
                variables={filters.variables}
                onSaved={refresh}
              />
              {found && (
                <Section title="Versions">
                  <Loaded query={versions} what="The versions cannot be loaded.">
                    {(page) => (
                      <Versions path={path} current={found} versions={page.templates} onRestored={refresh} />
                    )}
                  </Loaded>
                </Section>
              )}
            </>
          )}
        </Loaded>
      )}
      <Uses name={name} />
      <Commands
        api={
          path
            ? [
                curl("GET", path),
                curl("PUT", path, { body: { subject: "…", text: "…" } }),
                curl("GET", `${path}/versions`),
                curl("POST", `/api/templates/${encoded}/preview`, {
                  body: { channel, locale, variables: {} },
                }),
                curl("POST", "/api/template-drafts/preview", {
                  body: { channel, text: "Hello {{ name }}", variables: { name: "Anna" } },
                }),
                curl("GET", `/api/templates/${encoded}/uses`),
              ]
            : []
        }
        cli={
          path && channel
            ? [
                tool(`templates show ${quoted(name)}`, { channel, locale }),
                tool(`templates put ${quoted(name)}`, { channel, locale, subject: "…", text: "FILE" }),
                tool(`templates put ${quoted(name)}`, { channel, locale, "from-version": 1 }),
                tool(`templates versions ${quoted(name)}`, { channel, locale }),
                tool(`templates preview ${quoted(name)}`, { channel, locale, variables: "{}" }),
                tool("templates preview", { channel, text: "FILE", variables: '{"name": "Anna"}' }),
                tool(`templates uses ${quoted(name)}`),
              ]
            : []
        }
      />
    </Page>
  );
}

/** Returns the current version; null if there is none yet. */
async function loadTemplate(path: string, signal: AbortSignal): Promise<Template | null> {
  try {
    return await send<Template>("GET", path, { signal });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      return null;
    }
    throw error;
  }
}

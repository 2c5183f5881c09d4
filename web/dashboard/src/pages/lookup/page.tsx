import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link, useLocation } from "wouter";
import { send } from "../../api/client.ts";
import type { Lookup } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { Page } from "../../components/page.tsx";
import { Time } from "../../components/time.tsx";
import { curl, quoted, tool } from "../../lib/commands.ts";
import { linkTo, useFilters } from "../../lib/filters.ts";

const NAMES = ["id"] as const;

const KINDS: Record<string, string> = {
  notification: "notification",
  deadLetter: "dead letter without a row",
  user: "user",
  endpoint: "webhook endpoint",
  job: "job",
  template: "template",
  providerReference: "notification to which a provider has given this id",
};

const nameOf = (kind: string) => KINDS[kind] ?? kind;

/** Opens what has an id. If several things have it, or none, it says so. */
export default function LookupPage() {
  const [{ id = "" }] = useFilters(NAMES);
  const lookup = useQuery({
    queryKey: ["lookup", id],
    queryFn: ({ signal }) => send<Lookup>("GET", "/api/lookup", { query: { id }, signal }),
    enabled: id !== "",
    // What was unknown a moment ago may be recorded now.
    gcTime: 0,
  });
  const [, navigate] = useLocation();
  const only = lookup.data?.found.length === 1 ? lookup.data.found[0]?.link : undefined;
  useEffect(() => {
    if (only) {
      navigate(only, { replace: true });
    }
  }, [only, navigate]);
  return (
    <Page title="Open an id">
      {id === "" ? (
        <Empty title="Which id?">
          <p>Type it into the box above.</p>
        </Empty>
      ) : (
        <Loaded query={lookup} what="The id cannot be looked up.">
          {(answer) =>
            answer.found.length === 0 ? (
              <Unknown answer={answer} />
            ) : (
              <>
                <p>
                  <code>{answer.id}</code> is the id of:
                </p>
                <ul className="plain">
                  {answer.found.map(({ kind, id: one, link }) => (
                    <li key={link}>
                      <Link href={link}>
                        {nameOf(kind)} {one}
                      </Link>
                    </li>
                  ))}
                </ul>
              </>
            )
          }
        </Loaded>
      )}
      <Commands
        api={[curl("GET", "/api/lookup", { query: { id } })]}
        cli={[tool(`lookup ${quoted(id || "ID")}`)]}
      />
    </Page>
  );
}

function Unknown({ answer: { id, lookedFor, referencesSearchedUntil } }: { answer: Lookup }) {
  const kinds = new Intl.ListFormat("en", { type: "disjunction" });
  return (
    <Empty title="Nothing has this id">
      <p>
        <code>{id}</code> was looked for as the id of{" "}
        {kinds.format(lookedFor.map((kind) => `a ${nameOf(kind)}`))}. A notification that was just accepted is
        recorded in a moment, and retention deletes old rows.
      </p>
      {referencesSearchedUntil && (
        <p>
          Ids of providers were searched back to notifications accepted at{" "}
          <Time at={referencesSearchedUntil} />.{" "}
          <Link href={linkTo("/notifications", { reference: id })}>Search on</Link>
        </p>
      )}
    </Empty>
  );
}

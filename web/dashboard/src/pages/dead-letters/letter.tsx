import { useState } from "react";
import { Link } from "wouter";
import { ApiError, send } from "../../api/client.ts";
import type { BulkKind } from "../../api/dead-letters.ts";
import type { DeadLetter } from "../../api/types.gen.ts";
import { Commands } from "../../components/commands.tsx";
import { Copy } from "../../components/copy.tsx";
import { Empty, Loaded } from "../../components/feedback.tsx";
import { Page } from "../../components/page.tsx";
import { RemedyText } from "../../components/remedy.tsx";
import { Time } from "../../components/time.tsx";
import { curl, tool } from "../../lib/commands.ts";
import { formatCount, MISSING } from "../../lib/format.ts";
import { useLiveQuery } from "../../lib/live.tsx";
import { useMay } from "../../session/session.tsx";
import { BulkDialog } from "./bulk-dialog.tsx";

/** One dead letter, also of a message that could not be recorded. */
export function LetterPage({ id }: { id: string }) {
  const mayWrite = useMay("dead-letters:write");
  const [asked, setAsked] = useState<BulkKind>();
  const path = `/api/dead-letters/${id}`;
  const letter = useLiveQuery({
    key: ["dead-letters", "letter", id],
    load: (signal) => send<DeadLetter>("GET", path, { signal }),
    every: 5,
  });
  const isGone = letter.error instanceof ApiError && letter.error.status === 404;
  return (
    <Page
      title="Dead letter"
      actions={
        <>
          {mayWrite && letter.data && !isGone && (
            <>
              {letter.data.hasContent && (
                <button type="button" className="primary" onClick={() => setAsked("replay")}>
                  Replay…
                </button>
              )}
              <button type="button" onClick={() => setAsked("purge")}>
                Discard…
              </button>
            </>
          )}
          <Copy label="Copy id" text={id} />
          <Link href="/dead-letters">All dead letters</Link>
        </>
      }
    >
      {isGone ? (
        <Empty title="There is no such dead letter">
          <p>It was replayed or discarded, retention has deleted it, or the id is wrong.</p>
        </Empty>
      ) : (
        <Loaded query={letter} what="The dead letter cannot be loaded.">
          {(found) => <Facts letter={found} />}
        </Loaded>
      )}
      {asked && <BulkDialog kind={asked} filter={{ ids: [id] }} onClose={() => setAsked(undefined)} />}
      <Commands
        api={[
          curl("GET", path),
          curl("POST", "/api/dead-letters/replay", { body: { filter: { ids: [id] } } }),
          curl("POST", "/api/dead-letters/purge", { body: { filter: { ids: [id] } } }),
        ]}
        cli={[tool("dlq replay", { id }), tool("dlq purge", { recorded: true, id })]}
      />
    </Page>
  );
}

function Facts({ letter }: { letter: DeadLetter }) {
  const isRecorded = letter.kind === "notification";
  const facts: [string, React.ReactNode][] = [
    ["Failed", <Time key="failed" at={letter.failedAt} />],
    ["Reason", letter.reason],
    ["Error", letter.error ?? MISSING],
    [isRecorded ? "Channel" : "Stage", letter.channel ?? MISSING],
    ["Provider or host", letter.provider ?? MISSING],
    ["Attempts", formatCount(letter.attempts)],
    [
      "Message id",
      isRecorded ? (
        <Link key="message" href={`/notifications/${letter.id}`}>
          {letter.id}
        </Link>
      ) : (
        (letter.messageId ?? "none")
      ),
    ],
    [
      "User",
      letter.userId ? (
        <Link key="user" href={`/users/${letter.userId}`}>
          {letter.userId}
        </Link>
      ) : (
        MISSING
      ),
    ],
    ["Payload", letter.hasContent ? "kept" : "erased: it cannot be replayed"],
  ];
  return (
    <>
      <div className="note">
        <p>
          <RemedyText reason={letter.reason} failed={{ channel: letter.channel }} />
        </p>
        {!isRecorded && <p>The message could not be recorded, so there is no notification to look at.</p>}
      </div>
      <dl className="facts wide">
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

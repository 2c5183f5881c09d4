import { useEffect, useState } from "react";
import { send } from "../../api/client.ts";
import type { DraftPreview, TemplateDraft } from "../../api/types.gen.ts";
import { jsonObject } from "../../components/fields.tsx";

/** How long after the last key a draft is rendered. */
const PAUSE_MS = 400;

export type DraftParts = Omit<TemplateDraft, "variables">;

/** A preview, and the draft that it shows. */
export interface RenderedDraft {
  preview?: DraftPreview;
  /** The HTML part of what was sent, as the JSON of a draft. */
  htmlDraft?: string;
  /** Why there is no newer preview. */
  error?: unknown;
}

/** Renders what is being written, a moment after the last change. `variables` is JSON. */
export function useDraftPreview(parts: DraftParts, variables: string, isOn: boolean): RenderedDraft {
  const [rendered, setRendered] = useState<RenderedDraft>({});
  const written = JSON.stringify(parts);
  useEffect(() => {
    if (!isOn) {
      return;
    }
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const body = { ...(JSON.parse(written) as DraftParts), variables: jsonObject(variables) };
        const preview = await send<DraftPreview>("POST", "/api/template-drafts/preview", {
          body,
          signal: abort.signal,
        });
        setRendered({ preview, htmlDraft: JSON.stringify({ ...body, subject: "", text: "" }) });
      } catch (error) {
        if (!abort.signal.aborted) {
          setRendered((before) => ({ ...before, error }));
        }
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [written, variables, isOn]);
  return rendered;
}

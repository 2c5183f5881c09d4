/** What the overview shows. */

import { send } from "./client.ts";
import type { Overview } from "./types.gen.ts";

export type {
  ChannelState as ChannelOverview,
  Overview,
  OverviewProblem as Problem,
  OverviewProcess as Process,
  OverviewRung as Rung,
} from "./types.gen.ts";

/** The query of the overview. Pages and the navigation share what is loaded. */
export const OVERVIEW = {
  key: ["overview"],
  load: (signal: AbortSignal) => send<Overview>("GET", "/api/overview", { signal }),
};

/** Returns the problems that are errors. */
export const errorsOf = ({ problems }: Overview): number =>
  problems.filter(({ severity }) => severity === "error").length;

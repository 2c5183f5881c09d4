/** What the overview shows. */

export type {
  ChannelState as ChannelOverview,
  Overview,
  OverviewProblem as Problem,
  OverviewProcess as Process,
  OverviewRung as Rung,
} from "./types.gen.ts";

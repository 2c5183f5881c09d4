/** What a chart shows. */

export interface ChartSeries {
  label: string;
  /** One value for each time; null where there is none. */
  values: (number | null)[];
}

export interface ChartData {
  /** Seconds since 1970. */
  times: number[];
  series: ChartSeries[];
}

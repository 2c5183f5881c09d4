/** Times for people, in the language of the page. */

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

function language(): string | undefined {
  const { lang } = document.documentElement;
  return Intl.DateTimeFormat.supportedLocalesOf(lang ? [lang] : [])[0];
}

export function relativeTime(time: string, now = Date.now()): string {
  const seconds = (Date.parse(time) - now) / 1000;
  const format = new Intl.RelativeTimeFormat(language(), { numeric: "auto", style: "short" });
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 60];
  return unit === "second" ? format.format(0, "second") : format.format(Math.trunc(seconds / length), unit);
}

export function absoluteTime(time: string): string {
  return new Date(time).toLocaleString(language(), { dateStyle: "full", timeStyle: "short" });
}

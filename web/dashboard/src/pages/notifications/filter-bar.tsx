import { REASONS } from "../../api/dead-letters.ts";
import { CHANNELS, FILTER_NAMES, type NotificationFilters, STATUSES } from "../../api/notifications.ts";
import { FilterBar, MoreFilters, SelectFilter, TextFilter, TimeFilter } from "../../components/filters.tsx";
import { without } from "../../lib/filters.ts";

/** Filters that are needed less often. */
const RARE = [
  "category",
  "template",
  "host",
  "reference",
  "sender",
  "from",
  "to",
  "endedFrom",
  "endedTo",
] as const;

interface Props {
  filters: NotificationFilters;
  change: (changed: NotificationFilters) => void;
}

export function NotificationFilterBar({ filters, change }: Props) {
  const field = (name: keyof NotificationFilters) => ({
    value: filters[name],
    onChange: (value: string | undefined) => change({ [name]: value }),
  });
  const clear = () => change(without(FILTER_NAMES));
  return (
    <FilterBar onClear={Object.keys(filters).length > 0 ? clear : undefined}>
      <SelectFilter label="Status" options={STATUSES} {...field("status")} />
      <SelectFilter label="Channel" options={CHANNELS} {...field("channel")} />
      <TextFilter label="Reason" placeholder="provider_failed" suggestions={REASONS} {...field("reason")} />
      <TextFilter label="User id" {...field("user")} />
      <TextFilter label="Message id" {...field("id")} />
      <MoreFilters isUsed={RARE.some((name) => filters[name] !== undefined)}>
        <TextFilter label="Category" {...field("category")} />
        <TextFilter label="Template" {...field("template")} />
        <TextFilter label="Destination host" placeholder="hooks.example.com" {...field("host")} />
        <TextFilter label="Provider reference" {...field("reference")} />
        <TextFilter label="Sender" {...field("sender")} />
        <TimeFilter label="Accepted from" {...field("from")} />
        <TimeFilter label="Accepted before" {...field("to")} />
        <TimeFilter label="Ended from" {...field("endedFrom")} />
        <TimeFilter label="Ended before" {...field("endedTo")} />
      </MoreFilters>
    </FilterBar>
  );
}

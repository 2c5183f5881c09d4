import type { ReactNode } from "react";
import { TableFrame } from "./page.tsx";

export interface Column<Row> {
  title: string;
  cell: (row: Row) => ReactNode;
  /** How the column is shown. `actions` has no visible title. */
  kind?: "number" | "text" | "actions";
}

interface Props<Row> {
  label: string;
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  /** The first one names the row. */
  columns: readonly (Column<Row> | false)[];
}

/** A table whose rows are blocks on a narrow screen. */
export function DataTable<Row>({ label, rows, rowKey, columns }: Props<Row>) {
  const shown = columns.filter((column) => column !== false);
  return (
    <TableFrame label={label}>
      <table className="cards">
        <thead>
          <tr>
            {shown.map(({ title, kind }) => (
              <th key={title} scope="col" className={kind === "number" ? "number" : undefined}>
                {kind === "actions" ? <span className="hidden">{title}</span> : title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {shown.map(({ title, cell, kind }, index) =>
                index === 0 ? (
                  <th key={title} scope="row">
                    {cell(row)}
                  </th>
                ) : (
                  <td
                    key={title}
                    className={kind === "actions" ? "row-actions" : kind}
                    data-label={kind === "actions" ? undefined : title}
                  >
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

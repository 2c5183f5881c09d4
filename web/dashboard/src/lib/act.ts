/** What changes something, and what is loaded again afterwards. */

import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { notify } from "../components/toasts.tsx";
import { textOf } from "./format.ts";

/**
 * Returns a function that does something, says that it worked, and loads the data again that it has changed. It fails if
 * the request fails: the dialog that has asked stays open then, and shows why.
 */
export function useChange(
  changed: QueryKey,
): (what: string, action: () => Promise<unknown>) => Promise<void> {
  const client = useQueryClient();
  return async (what, action) => {
    try {
      await action();
      notify(what);
    } finally {
      void client.invalidateQueries({ queryKey: changed });
    }
  };
}

/** The same for a button without a dialog: it says also why something failed. A dialog cannot use it, as it returns nothing. */
export function useAct(changed: QueryKey): (what: string, action: () => Promise<unknown>) => void {
  const change = useChange(changed);
  return (what, action) => {
    change(what, action).catch((error: unknown) => notify(`That failed: ${textOf(error)}`));
  };
}

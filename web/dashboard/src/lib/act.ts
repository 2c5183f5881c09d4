import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { notify } from "../components/toasts.tsx";

/** Returns a function that does something, says whether it worked, and loads the data again that it has changed. */
export function useAct(changed: QueryKey): (what: string, action: () => Promise<unknown>) => Promise<void> {
  const client = useQueryClient();
  return async (what, action) => {
    try {
      await action();
      notify(what);
    } catch (error) {
      notify(`That failed: ${error instanceof Error ? error.message : String(error)}`);
    }
    await client.invalidateQueries({ queryKey: changed });
  };
}

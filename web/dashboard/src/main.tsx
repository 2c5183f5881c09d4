import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/client.ts";
import { App } from "./app.tsx";
import { Toasts } from "./components/toasts.tsx";
import { PreferencesProvider } from "./lib/preferences.tsx";
import "./style/base.css";
import "./style/layout.css";
import "./style/components.css";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // An answer that says what is wrong does not change by asking again.
      retry: (failures, error) =>
        failures < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500),
      gcTime: 5 * 60_000,
      // A browser without a network still reaches an API on the same machine, and shows an error if it does not.
      networkMode: "always",
    },
  },
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <CSPProvider disableStyleElements>
        <QueryClientProvider client={client}>
          <PreferencesProvider>
            <Toasts>
              <App />
            </Toasts>
          </PreferencesProvider>
        </QueryClientProvider>
      </CSPProvider>
    </StrictMode>,
  );
}

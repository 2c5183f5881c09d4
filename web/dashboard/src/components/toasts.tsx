/** Short messages about what has been done. */

import { Toast } from "@base-ui/react/toast";
import type { ReactNode } from "react";
import { Link } from "wouter";

interface ToastLink {
  text: string;
  /** A path of the dashboard. */
  href: string;
}

const manager = Toast.createToastManager<ToastLink>();

/** Shows a message for a few seconds, longer if it has a link. Screen readers read it out. */
export function notify(text: string, link?: ToastLink) {
  manager.add(link ? { title: text, data: link, timeout: 15_000 } : { title: text });
}

export function Toasts({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider toastManager={manager} timeout={6000}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="toasts" aria-label="Messages">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function ToastList() {
  const { toasts } = Toast.useToastManager<ToastLink>();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className="toast">
      <div>
        <Toast.Title render={<p />} />
        {toast.data && (
          // Messages are outside of the router of the pages.
          <Link href={`/dashboard${toast.data.href}`} onClick={() => manager.close(toast.id)}>
            {toast.data.text}
          </Link>
        )}
      </div>
      <Toast.Close className="quiet small" aria-label="Close the message">
        ✕
      </Toast.Close>
    </Toast.Root>
  ));
}

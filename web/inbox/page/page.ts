import type { TidingsInbox } from "../src/element.ts";
import { Session, SignInError } from "./session.ts";

function find<T extends Element>(selector: string): T {
  const element = document.querySelector<T>(selector);
  if (!element) {
    throw new Error(`${selector} is missing`);
  }
  return element;
}

const form = find<HTMLFormElement>("#sign-in");
const problem = find<HTMLElement>("#problem");
const userLine = find<HTMLElement>("#user");
const signOut = find<HTMLButtonElement>("#sign-out");

let inbox: TidingsInbox | undefined;
let session: Session | undefined;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void signIn();
});
signOut.addEventListener("click", () => {
  void session?.signOut();
  show(undefined);
});
show(undefined);

async function signIn() {
  const fields = new FormData(form);
  const button = form.querySelector("button");
  problem.textContent = "";
  button?.toggleAttribute("disabled", true);
  try {
    show(await Session.signIn(String(fields.get("user")).trim(), String(fields.get("password"))));
  } catch (error) {
    problem.textContent = error instanceof SignInError ? error.message : "The API cannot be reached.";
  } finally {
    button?.toggleAttribute("disabled", false);
  }
}

/** Shows the inbox of a session, or the form. */
function show(now: Session | undefined) {
  session = now;
  inbox?.remove();
  inbox = undefined;
  form.reset();
  form.hidden = now !== undefined;
  signOut.hidden = now === undefined;
  userLine.hidden = now === undefined;
  userLine.textContent = now?.user.email ?? now?.user.username ?? "";
  document.title = "Inbox";
  if (!now) {
    form.querySelector("input")?.focus();
    return;
  }
  inbox = document.createElement("tidings-inbox") as TidingsInbox;
  inbox.setAttribute("inline", "");
  inbox.getToken = (refused) => now.token(refused);
  inbox.addEventListener("tidings-counts", () => {
    const unread = inbox?.unread ?? 0;
    document.title = unread > 0 ? `(${unread > 99 ? "99+" : unread}) Inbox` : "Inbox";
  });
  inbox.addEventListener("tidings-signed-out", () => {
    if (session === now) {
      show(undefined);
      problem.textContent = "Your session has ended. Please sign in again.";
    }
  });
  form.after(inbox);
}

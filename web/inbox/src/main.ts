import { TidingsInbox } from "./element.ts";

// A page that loads the script twice keeps the first definition.
if (!customElements.get("tidings-inbox")) {
  customElements.define("tidings-inbox", TidingsInbox);
}

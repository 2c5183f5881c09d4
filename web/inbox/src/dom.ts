/** Creates elements without `innerHTML`, so that pages with Trusted Types accept it. */

type Listener = (event: never) => unknown;
type Value = string | number | boolean | undefined | Listener;
export type Child = Node | string | undefined | false;

/** Creates an element. Functions become listeners, everything else attributes; `false` and `undefined` are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Value> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name, value as EventListener);
    } else if (value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

/** The paths of the icons, in a square of 24. */
export const icons = {
  bell: "M6 9a6 6 0 0 1 12 0c0 6 2.5 7.5 2.5 7.5h-17S6 15 6 9M10 20a2.2 2.2 0 0 0 4 0",
  read: "m4 12.5 5 5L20 6.5",
  unread: "M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8",
  readAll: "m2 13 4.5 4.5L16 7M12 16l1.5 1.5L22 8.5",
  archive: "M4 8h16v11a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1zM3 4h18v4H3zM10 12h4",
  unarchive: "M4 8h16v11a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1zM3 4h18v4H3zM12 17v-5m-2.5 2L12 11.5l2.5 2.5",
  settings: "M4 7h9m5 0h2M4 17h2m5 0h9M15.500 4.500v5M8.500 14.500v5",
  back: "M19 12H5m6-6-6 6 6 6",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  remove: "m6 6 12 12M18 6 6 18",
  add: "M12 5v14M5 12h14",
};

/** Creates an icon. It has no name: the control around it has one. */
export function icon(name: keyof typeof icons): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", icons[name]);
  svg.append(path);
  return svg;
}

/** Creates a button that shows an icon only. */
export function iconButton(
  name: keyof typeof icons,
  label: string,
  click: () => unknown,
  attributes: Record<string, Value> = {},
): HTMLButtonElement {
  return h(
    "button",
    {
      type: "button",
      part: "button",
      class: "icon",
      "aria-label": label,
      title: label,
      click,
      ...attributes,
    },
    icon(name),
  );
}

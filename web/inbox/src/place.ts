/** Where the panel is. It is in the top layer, so no element of the page cuts it off, and no style of the page places it. */

const GAP = 8;
const MAX_WIDTH = 420;
const MAX_HEIGHT = 640;
/** Below this height, the panel opens on the other side if there is more room. */
const LOW = 320;

export interface Box {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

export interface Place {
  left: number;
  width: number;
  /** The distance from the top of the window, or from its bottom. */
  top: number | undefined;
  bottom: number | undefined;
  maxHeight: number;
}

/** Places the panel at the bell, within the window. */
export function placeAt(bell: Box, width: number, height: number, isRightToLeft: boolean): Place {
  const panelWidth = Math.min(MAX_WIDTH, width - 2 * GAP);
  const wanted = isRightToLeft ? bell.left : bell.right - panelWidth;
  const below = height - bell.bottom - 2 * GAP;
  const above = bell.top - 2 * GAP;
  const isBelow = below >= LOW || below >= above;
  return {
    left: Math.max(GAP, Math.min(wanted, width - panelWidth - GAP)),
    width: panelWidth,
    top: isBelow ? bell.bottom + GAP : undefined,
    bottom: isBelow ? undefined : height - bell.top + GAP,
    maxHeight: Math.min(MAX_HEIGHT, isBelow ? below : above),
  };
}

/** Moves the panel to its place. */
export function placePanel(panel: HTMLElement, bell: HTMLElement) {
  const isRightToLeft = getComputedStyle(bell).direction === "rtl";
  const place = placeAt(bell.getBoundingClientRect(), innerWidth, innerHeight, isRightToLeft);
  // By the properties of the object model, which no content security policy forbids.
  for (const name of ["left", "width", "top", "bottom", "maxHeight"] as const) {
    const value = place[name];
    panel.style[name] = value === undefined ? "auto" : `${value}px`;
  }
}

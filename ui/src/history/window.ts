/** Which rows of a long table are worth drawing. */

/** Height of a row of the history in pixels; the drawing relies on it. */
export const ROW = 34;
/** Rows drawn beyond the edges, so that a quick scroll shows no hole. */
const SPARE = 12;

export interface Rows {
  from: number;
  /** One past the last. */
  to: number;
}

/** The rows to draw when the list begins `above` pixels over the top edge of a view that is `height` high. */
export function visible(above: number, height: number, count: number): Rows {
  const from = Math.max(0, Math.floor(above / ROW) - SPARE);
  const to = Math.min(count, Math.ceil((above + (height || 800)) / ROW) + SPARE);
  return { from: Math.min(from, Math.max(0, count - 1)), to: Math.max(to, Math.min(count, from + 1)) };
}

/** The element that scrolls around an element. */
export function scroller(inside: HTMLElement): HTMLElement | null {
  for (let at = inside.parentElement; at; at = at.parentElement) {
    const overflow = getComputedStyle(at).overflowY;
    if (overflow === 'auto' || overflow === 'scroll') return at;
  }
  return null;
}

/** The width of an element, now and whenever it changes, so that charts are drawn at the size of their container. */
export function watchWidth(of: HTMLElement | undefined, look: (width: number) => void): (() => void) | undefined {
  if (!of) return undefined;
  look(of.clientWidth);
  if (typeof ResizeObserver === 'undefined') return undefined;
  const observer = new ResizeObserver(() => look(of.clientWidth));
  observer.observe(of);
  return () => observer.disconnect();
}

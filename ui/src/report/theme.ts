/** Whether the page is dark now, and when that changes: saved charts are drawn by Rust for one theme. */

/** Dark by the page's own choice, else by the system's. */
export function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === 'dark' || chosen === 'light') return chosen === 'dark';
  return typeof matchMedia === 'function' && matchMedia('(prefers-color-scheme: dark)').matches;
}

/** Tells at once and at every change, until stopped. */
export function watchDark(told: (dark: boolean) => void): () => void {
  let last = isDark();
  told(last);
  const look = () => {
    const now = isDark();
    if (now !== last) told((last = now));
  };
  const observer = new MutationObserver(look);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  const system = typeof matchMedia === 'function' ? matchMedia('(prefers-color-scheme: dark)') : null;
  system?.addEventListener('change', look);
  return () => {
    observer.disconnect();
    system?.removeEventListener('change', look);
  };
}

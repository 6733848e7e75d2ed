/**
 * A guard for libraries that ask `Intl` in the browser's language when they are loaded (uPlot does): in a container or a
 * bare session that language is "C", and `Intl` throws. It must be imported before them.
 */
function sound(language: string): boolean {
  try {
    return new Intl.NumberFormat(language).format(1) !== '';
  } catch {
    return false;
  }
}

if (!sound(navigator.language)) {
  Object.defineProperty(navigator, 'language', { value: 'en', configurable: true });
}

export {};

/** Whether this is a Mac, where Command stands in for Ctrl. */
const mac = typeof navigator !== 'undefined' && /mac/i.test(navigator.userAgent);

/** The name of the key that is held for shortcuts. */
export const CTRL = mac ? '⌘' : 'Ctrl';

/** What jsdom lacks and the page needs: dialogs, canvases, media queries, and an end between tests. */
import { cleanup, configure } from '@testing-library/svelte';
import { afterEach, vi } from 'vitest';

// How long is waited for what comes; a computer that builds beside the tests is slow.
configure({ asyncUtilTimeout: 10_000 });

const dialogs = HTMLDialogElement.prototype;
dialogs.showModal ??= function showModal(this: HTMLDialogElement) {
  this.setAttribute('open', '');
};
dialogs.show ??= function show(this: HTMLDialogElement) {
  this.setAttribute('open', '');
};
dialogs.close ??= function close(this: HTMLDialogElement) {
  this.removeAttribute('open');
  this.dispatchEvent(new Event('close'));
};
// The browser sends `cancel` to the open dialog when Escape is pressed.
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.defaultPrevented) return;
  const open = [...document.querySelectorAll<HTMLDialogElement>('dialog[open]')].at(-1);
  open?.dispatchEvent(new Event('cancel', { cancelable: true }));
});

const nothing = () => undefined;
/** A canvas that takes everything and draws nothing. */
const context = new Proxy({} as Record<string, unknown>, {
  get: (target, name: string) => target[name] ?? (name === 'measureText' ? () => ({ width: 0 }) : nothing),
  set: (target, name: string, value) => {
    target[name] = value;
    return true;
  },
});
HTMLCanvasElement.prototype.getContext = (() => context) as never;
globalThis.Path2D ??= class {
  moveTo = nothing;
  lineTo = nothing;
  rect = nothing;
  arc = nothing;
  closePath = nothing;
  addPath = nothing;
  bezierCurveTo = nothing;
} as never;
globalThis.matchMedia ??= ((media: string) => ({
  media,
  matches: false,
  addEventListener: nothing,
  removeEventListener: nothing,
  addListener: nothing,
  removeListener: nothing,
})) as never;
globalThis.ResizeObserver ??= class {
  observe = nothing;
  unobserve = nothing;
  disconnect = nothing;
} as never;
Element.prototype.scrollTo ??= nothing as never;
Element.prototype.scrollIntoView ??= nothing as never;
globalThis.structuredClone ??= ((value: unknown) => JSON.parse(JSON.stringify(value)) as unknown) as never;

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  location.hash = '';
  delete document.documentElement.dataset.theme;
});

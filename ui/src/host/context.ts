/** The host by way of Svelte's context, so that a component test can give its own. */
import { getContext, setContext } from 'svelte';
import type { Host } from './host';

const KEY = Symbol('host');

/** Gives the host to everything below. */
export function provideHost(door: Host): void {
  setContext(KEY, door);
}

/** The one door to Rust. */
export function host(): Host {
  const door = getContext<Host | undefined>(KEY);
  if (!door) throw new Error('No host was provided.');
  return door;
}

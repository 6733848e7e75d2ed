/** Starts the page: the product's host inside the window, the fake one while it is being built. */
import './parts/language';
import { mount } from 'svelte';
import App from './App.svelte';
import type { Host } from './host/host';
import './styles/tokens.css';
import './styles/components.css';

async function door(): Promise<Host> {
  if ('__TAURI_INTERNALS__' in window) {
    const { tauriHost } = await import('./host/tauri');
    return tauriHost();
  }
  if (import.meta.env.DEV) {
    const { fakeHost } = await import('./host/fake');
    return fakeHost(new URLSearchParams(location.search).get('fake') ?? '');
  }
  throw new Error('This page belongs into the window of Holdpoint.');
}

const target = document.getElementById('app');
if (target) {
  door().then(
    (host) => mount(App, { target, props: { host } }),
    (thrown: unknown) => {
      target.textContent = `Holdpoint could not start. ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    },
  );
}

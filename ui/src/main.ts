/** Starts the page: the product's host inside the window, the fake one while it is being built. */
import './parts/language';
import { mount } from 'svelte';
import App from './App.svelte';
import type { Host } from './host/host';
import { tauriHost } from './host/tauri';
import './styles/tokens.css';
import './styles/components.css';

const target = document.getElementById('app');
if (target) {
  const start = (host: Host) => mount(App, { target, props: { host } });
  if ('__TAURI_INTERNALS__' in window) {
    start(tauriHost());
  } else if (import.meta.env.DEV) {
    void import('./host/fake').then(({ fakeHost }) =>
      start(fakeHost(new URLSearchParams(location.search).get('fake') ?? '')),
    );
  } else {
    target.textContent = 'This page belongs into the window of Holdpoint.';
  }
}

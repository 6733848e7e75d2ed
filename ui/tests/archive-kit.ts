/** What the tests of History, Report, Services, Environments and Drills share: a host of the archive half, and axe. */
import { render } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import axeCore from 'axe-core';
import { onTestFinished } from 'vitest';
import type { Component } from 'svelte';
import { fakeArchive, type Archive } from '../src/host/fake-archive';
import { problem, runbook, scenes } from '../src/host/fake-archive/kit';
import type { Host } from '../src/host/host';
import type { Home } from '../src/host/types/Home';
import { app } from '../src/state.svelte';
import ArchiveHarness from './ArchiveHarness.svelte';

export { HOSTILE } from '../src/host/fake-archive/kit';

const never = () => new Promise<never>(() => undefined);

/** A host of a scene; `running` in it lets a check run. */
export function archiveDoor(scene: string): Host & Archive {
  const has = scenes(scene);
  const half = fakeArchive(scene);
  const home = async (): Promise<Home> => ({
    version: '0.1.0',
    checks: half.archive.count(),
    environments: half.archive.environments(),
    running: has('running')
      ? {
          number: 48,
          environment: 'staging',
          chaos: 'real',
          tests: ['L1', 'L2', 'L3', 'C1', 'C2', 'C3', 'REP', 'BUCKET'],
        }
      : null,
    last: half.archive.last(),
    settings: { theme: 'system', reports_folder: '/tmp', notify: false, environment: null },
    opened: null,
    opened_capacity: null,
    capacity: null,
    refused: null,
  });
  return {
    ...half,
    home,
    about: async () => ({
      version: '0.1.0',
      checks_folder: '',
      environments_folder: '',
      checks_bytes: 0,
      license: 'MIT',
      runbook: runbook(),
      links: [],
    }),
    preflight: async (environment, simulate) => {
      half.archive.calls.push(['preflight', environment, simulate]);
      const ready = !has('services-down');
      return {
        asked_at: '2026-01-12T13:02:05Z',
        ready,
        name_to_confirm: null,
        rows: [
          ready
            ? { id: 'api.reachable', title: 'API answers', state: 'ok', observed: '142 ms', remedy: '' }
            : {
                id: 'api.reachable',
                title: 'API answers',
                state: 'not_ready',
                observed: 'no answer within 10 s',
                remedy: 'Look at the API logs on Railway.',
              },
        ],
      };
    },
    startCheck: async (draft) => {
      half.archive.calls.push(['startCheck', draft]);
      if (has('refused')) throw problem('check.running', 'Another check is running.', '', 'Wait until it is done.');
      return 49;
    },
    saveSettings: async () => undefined,
    listen: async () => () => undefined,
    watchCheck: async () => () => undefined,
    plan: never,
    abortCheck: never,
    planCapacity: never,
    startCapacity: never,
    orderCapacity: never,
    watchCapacity: never,
    planPackage: never,
    joinMaster: never,
    judgeEvidence: never,
    writePackage: never,
    writeScript: never,
    capacityRuns: never,
    capacityReport: never,
    exportCapacity: never,
    pickCapacity: never,
    pickFolder: async () => null,
    openLink: async () => undefined,
    copyText: async () => undefined,
    setTitle: async () => undefined,
    closeAnyway: async () => undefined,
  };
}

/** Draws a view over a scene, in an environment. */
export async function show(
  view: unknown,
  scene = '',
  props: Record<string, unknown> = {},
  environment: string | null = 'staging',
) {
  polyfill();
  const door = archiveDoor(scene);
  history.replaceState(null, '', location.pathname);
  onTestFinished(app.attach(door));
  await app.refresh();
  app.environment = environment;
  const drawn = render(ArchiveHarness, { props: { door, view: view as Component<Record<string, unknown>>, props } });
  return {
    ...drawn,
    door,
    user: userEvent.setup(),
    /** The calls of a name, with what was sent. */
    sent: (name: string) => door.archive.calls.filter(([called]) => called === name).map(([, ...args]) => args),
    /** The same view with other properties, as the frame does at another address. */
    go: (to: Record<string, unknown>) =>
      drawn.rerender({ door, view: view as Component<Record<string, unknown>>, props: to }),
  };
}

/** What jsdom lacks of a dialog. */
function polyfill(): void {
  const dialog = HTMLDialogElement.prototype;
  dialog.showModal ??= function (this: HTMLDialogElement) {
    this.setAttribute('open', '');
  };
  dialog.close ??= function (this: HTMLDialogElement) {
    this.removeAttribute('open');
  };
  Element.prototype.scrollTo ??= () => undefined;
  // axe looks for a canvas to measure letters; jsdom would complain loudly of having none.
  HTMLCanvasElement.prototype.getContext = () => null;
}

/** The text of an element, its white space made single and plain. */
export function text(element: Element | null | undefined): string {
  return (element?.textContent ?? '').replace(/[\s\u00a0]+/g, ' ').trim();
}

/** What axe objects to. Contrast needs real colours; the design's tokens are checked for it elsewhere. */
export async function axe(inside: Element): Promise<string[]> {
  const { violations } = await axeCore.run(inside, { rules: { 'color-contrast': { enabled: false } } });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
}

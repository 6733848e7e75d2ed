import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { learn } from '../src/services/known';
import { marked } from '../src/services/logs';
import { servicesView } from '../src/host/fake-archive/services';
import Services from '../src/views/Services.svelte';
import { app } from '../src/state.svelte';
import { axe, HOSTILE, show, text } from './archive-kit';

const row = (name: RegExp) => within(screen.getByRole('region', { name: 'Services' })).getByRole('row', { name });

/** Asks for the restart of a service and confirms it. */
async function restart(user: Awaited<ReturnType<typeof show>>['user'], service: string) {
  await user.click(await screen.findByRole('button', { name: `Restart… ${service}` }));
  await user.click(await screen.findByRole('button', { name: `Restart ${service}` }));
}

describe('services', () => {
  test('show state, answer time and deployment', async () => {
    await show(Services);
    await screen.findByRole('region', { name: 'Services' });
    expect(text(row(/^API/))).toMatch(/Ready.*14\d ms/);
    expect(text(row(/^Web/))).toContain('Slow');
    expect(within(screen.getByRole('region', { name: 'API dependencies' })).getAllByRole('listitem').length).toBe(4);
  });

  test('R asks again', async () => {
    const { user, sent } = await show(Services);
    await screen.findByRole('region', { name: 'Services' });
    await user.keyboard('r');
    await waitFor(() => expect(sent('services').length).toBe(2));
  });

  test('an API that is down is told, and what depends on it is unknown, not failed', async () => {
    await show(Services, 'services-down');
    expect(text(await screen.findByRole('alert'))).toContain('The API cannot be reached.');
    expect(text(row(/^API/))).toContain('Down');
    expect(text(row(/^Postgres/))).toContain('Unknown');
  });

  test('Railway out of reach keeps nothing pressable and says why', async () => {
    const { user } = await show(Services, 'railway-unreachable');
    const button = await screen.findByRole('button', { name: 'Restart… API' });
    expect(button.getAttribute('aria-disabled')).toBe('true');
    expect(text(document.getElementById(button.getAttribute('aria-describedby') ?? ''))).toBe(
      'Railway cannot be reached.',
    );
    await user.click(button);
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(screen.getAllByRole('alert').map(text).join()).toContain('Railway cannot be reached.');
  });

  test('what was last known is kept with its time', () => {
    const good = servicesView('staging', () => false, 0);
    const bad = servicesView('staging', (word) => word === 'services-down' || word === 'railway-unreachable', 0);
    const known = learn(learn(new Map(), good), bad);
    expect(known.get('postgres')).toMatchObject({ answers: { ms: 12, at: good.asked_at }, state: { is: 'ready' } });
    expect(known.get('api')).toMatchObject({ deployed: { at: good.asked_at }, state: { is: 'down' } });
  });

  test('a refusal shows what is wrong and stays askable', async () => {
    await show(Services, 'archive-refused');
    expect((await screen.findAllByRole('alert')).map(text).join()).toContain('cannot be read');
    expect(screen.getAllByRole('button', { name: 'Ask again' }).length).toBeGreaterThan(0);
  });

  test('without an environment nothing is asked', async () => {
    const { sent } = await show(Services, '', {}, null);
    expect(await screen.findByText('No environment is selected')).toBeTruthy();
    expect(sent('services').length).toBe(0);
  });

  test('another environment is asked for itself', async () => {
    const { sent } = await show(Services);
    await screen.findByRole('region', { name: 'Services' });
    app.environment = 'rehearsal';
    await waitFor(() => expect(sent('services').at(-1)).toEqual(['rehearsal']));
  });
});

describe('a restart by hand', () => {
  test('names service, environment and id, and what it does, before it is done', async () => {
    const { user, sent } = await show(Services);
    await user.click(await screen.findByRole('button', { name: 'Restart… API' }));
    const dialog = await screen.findByRole('dialog', { name: 'Restart API of environment staging?' });
    await waitFor(() => expect(text(dialog)).toContain('8b516747-7745-431b-9a91-a2eb1cc9eab3'));
    await waitFor(() => expect(text(dialog)).toMatch(/answered again after 6\d to 6\d s in the last \d+ checks/));
    expect(text(dialog)).toContain('requests fail for everyone');
    expect(text(dialog)).toContain('another identity than before');
    await user.click(within(dialog).getByRole('button', { name: 'Cancel' }));
    expect(sent('restartService')).toEqual([]);
  });

  test('that is proven says by which identity', async () => {
    const { user, sent } = await show(Services);
    await restart(user, 'API');
    expect(await screen.findByText('API was restarted: proven by its identity')).toBeTruthy();
    expect(sent('restartService')).toEqual([['staging', 'api', null]]);
    expect(screen.queryByRole('button', { name: /^Redeploy/ })).toBeNull();
    await waitFor(() => expect(sent('services').length).toBe(2));
  });

  test('that was only accepted is not called restarted', async () => {
    const { user } = await show(Services);
    await restart(user, 'Redis');
    expect(await screen.findByText('Restart of Redis accepted, not proven')).toBeTruthy();
    expect(screen.queryByText(/was restarted/)).toBeNull();
  });

  test('that was not seen is a failure', async () => {
    const { user } = await show(Services, 'restart-unseen');
    await restart(user, 'Worker');
    expect(text(await screen.findByRole('alert'))).toContain('The same process still answers after 180 s.');
  });

  test('that did not help offers a redeploy, and asks before it', async () => {
    const { user, sent } = await show(Services, 'restart-unseen');
    await restart(user, 'Worker');
    await user.click(await screen.findByRole('button', { name: 'Redeploy Worker…' }));
    const dialog = await screen.findByRole('dialog', { name: 'Redeploy Worker of environment staging?' });
    expect(text(dialog)).toContain('another version can come of it');
    expect(sent('redeployService')).toEqual([]);
    await user.click(within(dialog).getByRole('button', { name: 'Redeploy Worker' }));
    expect(await screen.findByText('Worker works again from a new deployment')).toBeTruthy();
    expect(sent('redeployService')).toEqual([['staging', 'worker', null]]);
    expect(screen.queryByRole('button', { name: /^Redeploy/ })).toBeNull();
  });

  test('of what looks like production has its name typed', async () => {
    const { user, sent } = await show(Services, 'primary');
    await restart(user, 'API');
    const field = await screen.findByRole('textbox', { name: "Railway's name of the environment" });
    const dialog = screen.getByRole('dialog');
    await user.click(within(dialog).getByRole('button', { name: 'Restart API' }));
    expect(sent('restartService')).toEqual([['staging', 'api', null]]);
    await user.type(field, 'production');
    await user.click(within(dialog).getByRole('button', { name: 'Restart API' }));
    expect(await screen.findByText('API was restarted: proven by its identity')).toBeTruthy();
    expect(sent('restartService').at(-1)).toEqual(['staging', 'api', 'production']);
  });

  test('that was refused says why', async () => {
    const { user } = await show(Services, 'refused');
    await restart(user, 'API');
    expect(text(await screen.findByRole('alert'))).toContain('you confirmed 668c');
  });

  test('is not possible while a check runs', async () => {
    const { user, sent } = await show(Services, 'running');
    const button = await screen.findByRole('button', { name: 'Restart… API' });
    await user.click(button);
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(text(document.getElementById(button.getAttribute('aria-describedby') ?? ''))).toBe(
      'Check 48 is running. Restart by hand when it is done.',
    );
    await user.click(screen.getByRole('button', { name: 'Storage test' }));
    expect(sent('storageTest')).toEqual([]);
  });
});

describe('the storage test', () => {
  test('shows its steps and the object it left behind', async () => {
    const { user } = await show(Services);
    await user.click(await screen.findByRole('button', { name: 'Storage test' }));
    const panel = screen.getByRole('region', { name: 'Storage test' });
    await waitFor(() => expect(text(panel)).toContain('Passed'));
    expect(text(panel)).toMatch(/Write 113 ms Read back 24 ms Content matches/);
    expect(text(panel)).toContain('Left behindstorage-test/7c02b1.txt');
  });

  test('that failed shows where', async () => {
    const { user } = await show(Services, 'storage-broken');
    await user.click(await screen.findByRole('button', { name: 'Storage test' }));
    const panel = screen.getByRole('region', { name: 'Storage test' });
    await waitFor(() => expect(text(panel)).toContain('Failed'));
    expect(text(panel)).toContain('GetObject: access denied');
    expect(text(panel)).toContain('not compared');
  });

  test('that could not be asked for says why', async () => {
    const { user } = await show(Services, 'services-down');
    await user.click(await screen.findByRole('button', { name: 'Storage test' }));
    await waitFor(() =>
      expect(text(screen.getByRole('region', { name: 'Storage test' }))).toContain('could not be asked for'),
    );
  });
});

describe('logs', () => {
  test('are of one service, searched, and paused by Space', async () => {
    const { user, sent } = await show(Services);
    await user.click(await screen.findByRole('button', { name: 'Worker' }));
    await waitFor(() => expect(sent('serviceLogs').at(-1)).toEqual(['staging', 'worker']));
    const log = await screen.findByRole('log', { name: 'Log of Worker' });
    await user.type(screen.getByRole('searchbox', { name: 'Search logs' }), 'timed out');
    await waitFor(() => expect(log.querySelectorAll('mark').length).toBeGreaterThan(0));
    expect(screen.getByText(/\d+ of 6\d lines/)).toBeTruthy();
    log.focus();
    await user.keyboard(' ');
    expect(screen.getByText('Paused')).toBeTruthy();
  });

  test('that cannot be read say why', async () => {
    await show(Services, 'no-token');
    await waitFor(() =>
      expect(text(screen.getByRole('region', { name: 'Logs' }))).toContain('The log cannot be read.'),
    );
  });

  test('mark what was looked for and change nothing else', () => {
    expect(marked('aXbXc', 'x')).toEqual([
      ['a', false],
      ['X', true],
      ['b', false],
      ['X', true],
      ['c', false],
    ]);
    expect(
      marked('İx', 'x')
        .map(([part]) => part)
        .join(''),
    ).toBe('İx');
  });
});

test('axe finds nothing', async () => {
  const { container } = await show(Services);
  await screen.findByRole('region', { name: 'Services' });
  await screen.findByRole('log');
  expect(await axe(container)).toEqual([]);
});

test('axe finds nothing when nothing can be asked', async () => {
  const { container } = await show(Services, 'services-down+railway-unreachable');
  await screen.findAllByRole('alert');
  expect(await axe(container)).toEqual([]);
});

test('axe finds nothing in the question before a restart', async () => {
  const { container, user } = await show(Services);
  await user.click(await screen.findByRole('button', { name: 'Restart… API' }));
  await screen.findByRole('dialog');
  expect(await axe(container)).toEqual([]);
});

test('strings from outside stay text', async () => {
  await show(Services, 'hostile');
  await screen.findByRole('region', { name: 'Services' });
  await waitFor(() => expect(document.body.textContent).toContain(HOSTILE));
  expect(document.querySelector('[onerror], script')).toBeNull();
});

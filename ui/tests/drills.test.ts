import { screen, waitFor, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { grouped } from '../src/drills/groups';
import { drillRows } from '../src/host/fake-archive/drills';
import Drills from '../src/views/Drills.svelte';
import { app } from '../src/state.svelte';
import { axe, show, text } from './archive-kit';

const ALL = ['L1', 'L2', 'L3', 'C1', 'C2', 'C3', 'REP', 'BUCKET'];

test('drills stand in groups with what goes wrong, what catches it and how it ends', async () => {
  await show(Drills);
  const chaos = within(await screen.findByRole('region', { name: 'Chaos' }));
  const row = text(chaos.getByRole('row', { name: /Worker loses runs/ }));
  expect(row).toContain('A restart drops what was running');
  expect(row).toContain('C1');
  expect(row).toContain('NO-GO');
});

test('a drill is found by what goes wrong or by the test that catches it', async () => {
  const { user } = await show(Drills);
  const field = await screen.findByRole('searchbox', { name: 'Find a drill' });
  await user.type(field, 'restart C1');
  expect(screen.getAllByRole('button', { name: /^Run drill/ })).toHaveLength(2);
  expect(text(screen.getByRole('status'))).toBe('2 of 15 drills');
  await user.clear(field);
  await user.type(field, 'nothing like it');
  await user.click(screen.getByRole('button', { name: 'Show all drills' }));
  expect(screen.getAllByRole('button', { name: /^Run drill/ })).toHaveLength(15);
});

test('one click runs the drill in the rehearsal with all tests and leads to the check', async () => {
  const { user, sent } = await show(Drills);
  await user.click(await screen.findByRole('button', { name: 'Run drill Worker loses runs' }));
  await waitFor(() => expect(location.hash).toBe('#/check'));
  expect(sent('startCheck')).toEqual([
    [
      {
        environment: 'rehearsal',
        drill: 'worker-loses-runs',
        tests: ALL,
        parameters: null,
        simulate: false,
        confirmed: [],
        confirmed_name: null,
      },
    ],
  ]);
  expect(app.environment).toBe('rehearsal');
});

test('a simulated drill is simulated, and its GO says so', async () => {
  const { user, sent } = await show(Drills);
  const button = await screen.findByRole('button', { name: 'Run drill No token' });
  expect(text(button.closest('tr'))).toMatch(/GO chaos simulated/);
  await user.click(button);
  await waitFor(() => expect(sent('startCheck')[0]?.[0]).toMatchObject({ drill: 'no-token', simulate: true }));
});

test('the healthy rehearsal has no drill', async () => {
  const { user, sent } = await show(Drills);
  await user.click(await screen.findByRole('button', { name: 'Run drill Healthy' }));
  await waitFor(() => expect(sent('startCheck')[0]?.[0]).toMatchObject({ drill: null, simulate: false }));
});

test('nothing is started while a check runs', async () => {
  const { user, sent } = await show(Drills, 'running');
  await user.click(await screen.findByRole('button', { name: 'Run drill Healthy' }));
  expect(sent('startCheck')).toEqual([]);
});

test('a refusal stays on screen', async () => {
  const { user } = await show(Drills, 'refused');
  await user.click(await screen.findByRole('button', { name: 'Run drill Healthy' }));
  expect(text(await screen.findByRole('alert'))).toContain('Another check is running.');
  expect(location.hash).toBe('');
});

test('drills that cannot be listed can be asked for again', async () => {
  await show(Drills, 'archive-refused');
  await screen.findByRole('alert');
  expect(screen.getByRole('button', { name: 'Try again' })).toBeTruthy();
});

test('a group nobody knows comes last', () => {
  const [one] = drillRows();
  const names = grouped([{ ...one!, group: 'new kind' }, ...drillRows()]).map(([name]) => name);
  expect(names.at(-1)).toBe('new kind');
  expect(names[0]).toBe('whole system');
});

test('axe finds nothing', async () => {
  const { container } = await show(Drills);
  await screen.findByRole('region', { name: 'Chaos' });
  expect(await axe(container)).toEqual([]);
});

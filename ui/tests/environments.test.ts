import { screen, waitFor, within } from '@testing-library/svelte';
import { afterEach, describe, expect, test } from 'vitest';
import { forget } from '../src/environments/draft.svelte';
import Environments from '../src/views/Environments.svelte';
import { app } from '../src/state.svelte';
import { axe, show, text } from './archive-kit';

const input = (label: string) => screen.getByLabelText<HTMLInputElement>(label);
const form = () => screen.findByRole('form');
const pressable = (button: HTMLElement) => button.getAttribute('aria-disabled') !== 'true';

afterEach(() => {
  for (const name of ['staging', 'other', 'eu', null]) forget(name);
});

describe('the form', () => {
  test('shows every value of the environment', async () => {
    await show(Environments, '', { name: 'staging' });
    await form();
    expect(input('API').value).toContain('agentverse-api-staging');
    expect(input('Bucket').value).toBe('agentverse-staging-artifacts');
    expect(input('Project id').value).toBe('5d0f7c1e-3b1a-4f62-9c58-0a7e2f41b6d9');
    expect(input('P95, below').value).toBe('5000');
  });

  test('says what is wrong with a field when it is left, and not before', async () => {
    const { user } = await show(Environments, '', { name: 'staging' });
    await form();
    await user.clear(input('API'));
    await user.type(input('API'), 'api.example');
    expect(input('API').getAttribute('aria-invalid')).toBeNull();
    await user.tab();
    await waitFor(() => expect(input('API').getAttribute('aria-invalid')).toBe('true'));
    expect(screen.getByText(/Did you mean https:\/\/api\.example\?/)).toBeTruthy();
    await user.type(input('API'), 'x');
    await waitFor(() => expect(input('API').getAttribute('aria-invalid')).toBeNull());
  });

  test('keeps every typed letter when saving is refused, and leads to the field', async () => {
    const { user, sent } = await show(Environments, '', { name: 'staging' });
    await form();
    await user.clear(input('Bucket'));
    await user.clear(input('Web'));
    await user.type(input('Web'), 'web.example');
    await user.click(screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(sent('saveEnvironment').length).toBe(1));
    await screen.findByText('The environment was not saved.');
    expect(input('Web').value).toBe('web.example');
    expect(input('Bucket').value).toBe('');
    await waitFor(() => expect(document.activeElement?.getAttribute('aria-invalid')).toBe('true'));
    expect(screen.getByText(/2 problems above/)).toBeTruthy();
  });

  test('saves, and only then can be tested', async () => {
    const { user, sent } = await show(Environments, '', { name: 'staging' });
    await form();
    const test = screen.getByRole('button', { name: 'Test connection' });
    expect(pressable(test)).toBe(true);
    await user.type(input('Region'), '-2');
    expect(pressable(test)).toBe(false);
    await user.click(screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(pressable(test)).toBe(true));
    expect(sent('saveEnvironment')[0]).toEqual([expect.objectContaining({ region: 'us-east-1-2' }), 'staging']);
    await user.click(test);
    expect(text(await screen.findByRole('region', { name: 'Connection' }))).toContain('A check can start here');
    expect(sent('preflight')).toEqual([['staging', false]]);
  });

  test('a failed test of the connection says what to do', async () => {
    const { user } = await show(Environments, 'services-down', { name: 'staging' });
    await form();
    await user.click(screen.getByRole('button', { name: 'Test connection' }));
    expect(text(await screen.findByRole('region', { name: 'Connection' }))).toContain(
      'Look at the API logs on Railway.',
    );
  });

  test('discards to what is saved', async () => {
    const { user } = await show(Environments, '', { name: 'staging' });
    await form();
    await user.type(input('Bucket'), '-x');
    await user.click(screen.getByRole('button', { name: 'Discard' }));
    expect(input('Bucket').value).toBe('agentverse-staging-artifacts');
  });

  test('a limit that differs from the runbook is named, a text that is no number is refused', async () => {
    const { user, sent } = await show(Environments, '', { name: 'staging' });
    await form();
    await user.clear(input('P95, below'));
    await user.type(input('P95, below'), '6000');
    await waitFor(() => expect(screen.getByText('runbook: 5000 ms')).toBeTruthy());
    await user.type(input('P95, below'), 'x');
    await user.click(screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(input('P95, below').getAttribute('aria-invalid')).toBe('true'));
    expect(input('P95, below').value).toBe('6000x');
    expect(sent('saveEnvironment')).toEqual([]);
    await user.clear(input('Rounds'));
    await user.type(input('Rounds'), '2.5');
    await user.tab();
    expect(await screen.findByText('This needs a whole number.')).toBeTruthy();
  });

  test('a new environment is typed, saved and opened', async () => {
    const { user, sent } = await show(Environments, '', { name: 'staging' });
    await form();
    await user.click(screen.getByRole('button', { name: 'New environment' }));
    await waitFor(() => expect(document.activeElement).toBe(input('Name')));
    expect(screen.getByText(/Save the environment first. Its secrets/)).toBeTruthy();
    await user.type(input('Name'), 'eu');
    await user.type(input('API'), 'https://api.example');
    await user.type(input('Bucket'), 'artifacts');
    await user.click(screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(location.hash).toBe('#/environments/eu'));
    expect(sent('saveEnvironment')[0]?.[1]).toBeNull();
    expect(app.home?.environments.map(({ name }) => name)).toContain('eu');
  });

  test('an environment is removed only after it was confirmed', async () => {
    const { user, sent } = await show(Environments, '', { name: 'staging' });
    await form();
    await user.click(screen.getByRole('button', { name: 'Remove…' }));
    const dialog = await screen.findByRole('dialog', { name: 'Remove environment staging?' });
    expect(sent('removeEnvironment')).toEqual([]);
    await user.click(within(dialog).getByRole('button', { name: 'Remove staging' }));
    await waitFor(() => expect(sent('removeEnvironment')).toEqual([['staging']]));
  });

  test('the built-in rehearsal cannot be changed', async () => {
    await show(Environments, '', { name: 'rehearsal' });
    await screen.findByRole('region', { name: 'Environment rehearsal' });
    expect(screen.queryByRole('textbox')).toBeNull();
    expect(screen.queryByRole('button', { name: 'Save' })).toBeNull();
    expect(screen.getByText(/says nothing about staging/)).toBeTruthy();
  });

  test('a file that cannot be read is told, and can be removed', async () => {
    await show(Environments, 'broken-environment', { name: 'old-eu' });
    expect(text(await screen.findByRole('alert'))).toContain('expected `,` at line 4 column 2');
    expect(screen.getByRole('button', { name: 'Remove environment' })).toBeTruthy();
  });
});

describe('leaving', () => {
  test('with unsaved changes asks, and staying keeps them', async () => {
    const { user } = await show(Environments, '', { name: 'staging' });
    await form();
    await user.type(input('Bucket'), '-x');
    await user.click(screen.getByRole('button', { name: /Built-in rehearsal/ }));
    const dialog = await screen.findByRole('dialog', { name: 'Save the changes of staging?' });
    await user.click(within(dialog).getByRole('button', { name: 'Stay here' }));
    expect(input('Bucket').value).toBe('agentverse-staging-artifacts-x');
    expect(location.hash).toBe('');
  });

  test('by a link of the frame asks too', async () => {
    const { user } = await show(Environments, '', { name: 'staging' });
    await form();
    const link = document.createElement('a');
    link.href = '#/history';
    link.textContent = 'History';
    document.body.append(link);
    await user.type(input('Bucket'), '-x');
    await user.click(link);
    const dialog = await screen.findByRole('dialog', { name: 'Save the changes of staging?' });
    expect(location.hash).toBe('');
    await user.click(within(dialog).getByRole('button', { name: 'Discard changes' }));
    expect(location.hash).toBe('#/history');
    link.remove();
  });

  test('by a shortcut keeps what was typed until it is looked at again', async () => {
    const { user, unmount } = await show(Environments, '', { name: 'staging' });
    await form();
    await user.type(input('Bucket'), '-x');
    unmount();
    expect(app.toasts.map(({ text: told }) => told).join()).toContain('They are kept here');
    await show(Environments, '', { name: 'staging' });
    await form();
    expect(input('Bucket').value).toBe('agentverse-staging-artifacts-x');
    expect(screen.getByText('Changes are not saved.')).toBeTruthy();
  });

  test('without changes asks nothing', async () => {
    const { user } = await show(Environments, '', { name: 'staging' });
    await form();
    await user.click(screen.getByRole('button', { name: /Built-in rehearsal/ }));
    expect(location.hash).toBe('#/environments/rehearsal');
  });
});

describe('secrets', () => {
  test('are written and never shown', async () => {
    const { user, sent, container } = await show(Environments, '', { name: 'staging' });
    await form();
    await user.click(screen.getByRole('button', { name: 'Replace Password' }));
    const field = input('New value of Password');
    expect(field.type).toBe('password');
    expect(field.value).toBe('');
    await user.type(field, 'hunter2');
    await user.click(screen.getByRole('button', { name: 'Keep in the keychain' }));
    await waitFor(() => expect(sent('setSecret')).toEqual([['staging', 'password', 'hunter2', false]]));
    await waitFor(() => expect(screen.queryByLabelText('New value of Password')).toBeNull());
    expect(field.value).toBe('');
    expect(container.innerHTML).not.toContain('hunter2');
  });

  test('typed changes of the form survive setting one', async () => {
    const { user } = await show(Environments, '', { name: 'staging' });
    await form();
    await user.type(input('Bucket'), '-x');
    await user.click(screen.getByRole('button', { name: 'Replace Ops API key' }));
    await user.type(input('New value of Ops API key'), 'k{Enter}');
    await waitFor(() => expect(screen.queryByLabelText('New value of Ops API key')).toBeNull());
    expect(input('Bucket').value).toBe('agentverse-staging-artifacts-x');
  });

  test('are removed only after it was confirmed', async () => {
    const { user, sent } = await show(Environments, '', { name: 'staging' });
    await form();
    await user.click(screen.getByRole('button', { name: 'Remove Railway token' }));
    const dialog = await screen.findByRole('dialog', { name: 'Remove Railway token?' });
    expect(sent('clearSecret')).toEqual([]);
    await user.click(within(dialog).getByRole('button', { name: 'Remove Railway token' }));
    await waitFor(() => expect(sent('clearSecret')).toEqual([['staging', 'railway_token']]));
    await screen.findByRole('button', { name: 'Set Railway token' });
  });

  test.each(['keychain-locked', 'keychain-absent'])('%s offers this session only', async (scene) => {
    const { user, sent } = await show(Environments, scene, { name: 'staging' });
    await form();
    expect(text(screen.getByRole('alert'))).toMatch(/keychain/);
    await user.click(screen.getByRole('button', { name: 'Set Railway token' }));
    await user.type(input('New value of Railway token'), 't');
    await user.click(screen.getByRole('button', { name: 'Keep for this session' }));
    await waitFor(() => expect(sent('setSecret')).toEqual([['staging', 'railway_token', 't', true]]));
    expect(await screen.findByText(/project token, for this session only/)).toBeTruthy();
  });

  test('a token is imported from the Railway CLI, or it is said why not', async () => {
    const first = await show(Environments, '', { name: 'staging' });
    await form();
    await first.user.click(screen.getByRole('button', { name: 'Import token from the Railway CLI' }));
    await waitFor(() => expect(first.sent('importRailwayToken')).toEqual([['staging', false]]));
    first.unmount();
    const second = await show(Environments, 'no-cli', { name: 'staging' });
    await form();
    await second.user.click(screen.getByRole('button', { name: 'Import token from the Railway CLI' }));
    expect(text(await screen.findByRole('alert'))).toContain('railway login');
  });
});

describe('Railway ids', () => {
  test('are found, compared, and taken only when a person says so', async () => {
    const { user, sent } = await show(Environments, '', { name: 'staging' });
    await form();
    await user.clear(input('Worker id'));
    await user.click(screen.getByRole('button', { name: 'Find ids' }));
    await screen.findByText('Are these the services of your staging?');
    expect(input('Worker id').value).toBe('');
    expect(screen.getByText('b6edcdd4-a1c0-4d7f-9eda-30aeb12dcf3a')).toBeTruthy();
    expect(screen.getByText('agentverse-worker-staging')).toBeTruthy();
    expect(screen.getByText(/Not used: grafana/)).toBeTruthy();
    await user.click(screen.getByRole('button', { name: 'Use these ids' }));
    expect(input('Worker id').value).toBe('b6edcdd4-a1c0-4d7f-9eda-30aeb12dcf3a');
    expect(sent('saveEnvironment')).toEqual([]);
  });

  test('of another environment are an alarm', async () => {
    const { user } = await show(Environments, 'other-environment', { name: 'staging' });
    await form();
    await user.click(screen.getByRole('button', { name: 'Find ids' }));
    const told = await screen.findByText('This token reaches another environment');
    expect(text(told.closest('.notice'))).toContain('7f3a0b52-1c5d-4d10-8f27-6b0a9c1e44d0');
    expect(input('Environment id').value).toBe('668ced2e-6da8-4b5d-a915-818580666b01');
  });

  test('that cannot be found say why', async () => {
    const { user } = await show(Environments, 'railway-unreachable', { name: 'staging' });
    await form();
    await user.click(screen.getByRole('button', { name: 'Find ids' }));
    expect(text(await screen.findByRole('alert'))).toContain('Railway cannot be reached.');
  });
});

test.each(['staging', 'rehearsal'])('axe finds nothing in %s', async (name) => {
  const { container } = await show(Environments, '', { name });
  await screen.findByRole('button', { name: 'Test connection' });
  expect(await axe(container)).toEqual([]);
});

test.each(['other-environment', 'keychain-locked'])(
  'axe finds nothing with %s, every fold and field open',
  async (scene) => {
    const { container, user } = await show(Environments, scene, { name: 'staging' });
    await form();
    for (const fold of document.querySelectorAll('details')) fold.open = true;
    await user.click(screen.getByRole('button', { name: 'Find ids' }));
    await screen.findByText('Railway answers');
    await user.click(screen.getByRole('button', { name: /^(Set|Replace) Password$/ }));
    expect(await axe(container)).toEqual([]);
  },
);

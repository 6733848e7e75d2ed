import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import { axe, heading, open, settle, text } from './kit';

describe('settings', () => {
  it('change the theme, the folder and the notifications', async () => {
    const { user, sent } = await open('', '#/settings');
    await heading('Settings');
    const panel = screen.getByRole('region', { name: 'Window' });
    await user.click(within(panel).getByRole('button', { name: 'Dark' }));
    await waitFor(() => expect(document.documentElement.dataset.theme).toBe('dark'));
    await user.click(within(panel).getByRole('button', { name: 'Change…' }));
    await waitFor(() => expect(text(panel)).toContain('/home/mira/Reports'));
    await user.click(within(panel).getByRole('checkbox'));
    await settle();
    expect(sent('saveSettings').at(-1)).toEqual([
      { theme: 'dark', reports_folder: '/home/mira/Reports', notify: false, environment: null },
    ]);
  });

  it('change nothing when picking a folder was given up', async () => {
    const { user, sent } = await open('cancelled', '#/settings');
    await heading('Settings');
    await user.click(screen.getByRole('button', { name: 'Change…' }));
    await settle();
    expect(sent('saveSettings')).toEqual([]);
  });

  it('save the limits of the environment in hand, and name what differs', async () => {
    const { user, sent } = await open('', '#/settings');
    await heading('Settings');
    const panel = await screen.findByRole('region', { name: 'Limits of staging' });
    await user.click(await within(panel).findByText('Node expansion'));
    const field = within(panel).getByLabelText('P95, below');
    await user.clear(field);
    await user.type(field, '8000');
    expect(text(panel)).toContain('1 changed');
    await user.click(within(panel).getByRole('button', { name: 'Save limits' }));
    await screen.findByText('The limits of staging are saved.');
    expect(sent('saveEnvironment')).toMatchObject([
      [{ name: 'staging', parameters: { l1: { p95_limit_ms: 8000 } } }, 'staging'],
    ]);
  });

  it('keep what was typed when saving is refused', async () => {
    const { user } = await open('refused-save', '#/settings');
    await heading('Settings');
    const panel = await screen.findByRole('region', { name: 'Limits of staging' });
    await user.click(await within(panel).findByText('Node expansion'));
    const field = within(panel).getByLabelText<HTMLInputElement>('P95, below');
    await user.clear(field);
    await user.type(field, '8000');
    await user.click(within(panel).getByRole('button', { name: 'Save limits' }));
    expect(text(await within(panel).findByRole('alert'))).toContain('The environment was not saved.');
    expect(field.value).toBe('8000');
    await user.click(within(panel).getByRole('button', { name: 'Discard' }));
    expect(field.value).toBe('5000');
  });

  it('show the limits of the rehearsal and do not change them', async () => {
    const { user } = await open('', '#/settings');
    await heading('Settings');
    await user.click(screen.getByRole('button', { name: /^Environment/ }));
    await user.click(screen.getByRole('menuitemradio', { name: /Built-in rehearsal/ }));
    const panel = await screen.findByRole('region', { name: 'Limits of rehearsal' });
    await waitFor(() => expect(text(panel)).toContain('P95, below 5000 ms'));
    expect(within(panel).queryByRole('textbox')).toBeNull();
    expect(within(panel).queryByRole('button', { name: /Save/ })).toBeNull();
  });

  it('tell about the program and open its links', async () => {
    const { user, sent } = await open('', '#/settings');
    await heading('Settings');
    const panel = screen.getByRole('region', { name: 'About' });
    await waitFor(() => expect(text(panel)).toContain('0.1.0, MIT licence'));
    expect(text(panel)).toContain('183 MB');
    await user.click(within(panel).getByRole('button', { name: 'Source code' }));
    expect(sent('openLink')).toEqual([['https://github.com/example/holdpoint']]);
    await user.click(within(panel).getByRole('button', { name: 'Show the folder of checks' }));
    expect(sent('reveal')).toEqual([['/home/mira/.local/share/holdpoint/checks']]);
  });

  it.each(['', 'keychain-locked'])('axe finds nothing (%s)', async (scene) => {
    const { container } = await open(scene, '#/settings');
    await heading('Settings');
    await settle();
    expect(await axe(container)).toEqual([]);
  });

  it('remove old checks only after saying how many they are', async () => {
    const { user, sent } = await open('', '#/settings');
    await heading('Settings');
    await user.click(await screen.findByRole('button', { name: 'Remove old checks…' }));
    const dialog = await screen.findByRole('dialog');
    await user.click(within(dialog).getByRole('button', { name: 'See how many' }));
    expect(await within(dialog).findByText(/12.checks with 41.2.MB are older/)).toBeTruthy();
    expect(sent('tidy')).toEqual([[365, false]]);
    await user.click(within(dialog).getByRole('button', { name: /Remove 12/ }));
    await waitFor(() => expect(sent('tidy').at(-1)).toEqual([365, true]));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  });
});

import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import { routeOf } from '../src/route';
import { app } from '../src/state.svelte';
import { axe, heading, open, settle, text } from './kit';

describe('the frame', () => {
  it('goes to every screen by the navigation and by Ctrl 1 to 6', async () => {
    const { user } = await open();
    await heading('New check');
    const nav = screen.getByRole('navigation', { name: 'Main' });
    expect(
      within(nav)
        .getAllByRole('link')
        .map((link) => text(link).replace(/ ?\d.*/, '')),
    ).toEqual(['Check', 'History', 'Services', 'Environments', 'Drills', 'Capacity']);
    for (const [key, name] of [
      ['2', 'History'],
      ['3', 'Services'],
      ['4', 'Environments'],
      ['5', 'Drills'],
      ['6', 'Capacity'],
      ['1', 'New check'],
    ] as const) {
      await user.keyboard(`{Control>}${key}{/Control}`);
      await heading(name);
    }
    await user.keyboard('{Control>},{/Control}');
    await heading('Settings');
    expect(
      within(nav)
        .getByRole('link', { name: /^Check/ })
        .getAttribute('aria-current'),
    ).toBeNull();
  });

  it('marks where it is and names it in the title of the window', async () => {
    const { door } = await open('', '#/history');
    await heading('History');
    expect(screen.getByRole('link', { name: /^History/ }).getAttribute('aria-current')).toBe('page');
    await waitFor(() => expect(door.fake.title()).toBe('History: Holdpoint'));
  });

  it('switches the environment by Ctrl E and keeps it', async () => {
    const { user, sent } = await open();
    await heading('New check');
    await user.keyboard('{Control>}e{/Control}');
    const menu = await screen.findByRole('menu', { name: 'Environments' });
    await user.click(within(menu).getByRole('menuitemradio', { name: /Built-in rehearsal/ }));
    await settle();
    expect(screen.getByRole('button', { name: /^Environment: Built-in rehearsal/ })).toBeTruthy();
    expect(sent('saveSettings')).toMatchObject([[{ environment: 'rehearsal' }]]);
  });

  it('changes the theme, and takes it back where it cannot be kept', async () => {
    const { user } = await open('saving-refused');
    await heading('New check');
    await user.click(screen.getByRole('button', { name: 'Theme' }));
    await user.click(screen.getByRole('menuitemradio', { name: 'Dark' }));
    await screen.findByText('The settings were not saved.');
    await waitFor(() => expect(document.documentElement.dataset.theme).toBeUndefined());
  });

  it('is dark when dark was chosen', async () => {
    const { user } = await open();
    await heading('New check');
    await user.click(screen.getByRole('button', { name: 'Theme' }));
    await user.click(screen.getByRole('menuitemradio', { name: 'Dark' }));
    await waitFor(() => expect(document.documentElement.dataset.theme).toBe('dark'));
  });

  it('shows the sheet of shortcuts by ?, and not while a field has the focus', async () => {
    const { user } = await open('', '#/history');
    await heading('History');
    const find = await screen.findByRole('searchbox', { name: 'Find a check' });
    find.focus();
    await user.keyboard('?');
    expect(screen.queryByRole('dialog')).toBeNull();
    find.blur();
    await user.keyboard('?');
    const sheet = await screen.findByRole('dialog', { name: 'Keyboard shortcuts' });
    expect(text(sheet)).toContain('Switch environment');
    await user.keyboard('{Escape}');
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  });

  it('says why it could not begin, and tries again', async () => {
    const { user, sent } = await open('home-refused');
    await screen.findByText('The folder of checks cannot be read.');
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    await settle();
    expect(sent('home').length).toBe(2);
  });

  it('says why a file it was started with was refused', async () => {
    await open('opened-refused');
    expect(await screen.findByText('This file was not opened.')).toBeTruthy();
    expect(screen.getByText(/Choose a step3_results.json/)).toBeTruthy();
  });

  it('offers to drop a file, opens it, and says why another was refused', async () => {
    const { door, user } = await open();
    await heading('New check');
    door.fake.tell({ what: 'file-over', over: true });
    expect(await screen.findByText('Drop the results file')).toBeTruthy();
    door.fake.tell({
      what: 'file-refused',
      problem: {
        code: 'file.not_results',
        message: 'This file is not a results file',
        why: 'It has no "overall_status".',
        remedy: 'Choose another.',
        fields: [],
      },
    });
    await waitFor(() => expect(screen.queryByText('Drop the results file')).toBeNull());
    const refusal = await screen.findByText('This file is not a results file');
    expect(refusal.closest('[role="alert"]')).not.toBeNull();
    await user.click(screen.getByRole('button', { name: 'Dismiss' }));
    expect(screen.queryByText('This file is not a results file')).toBeNull();
    door.fake.tell({ what: 'file-opened', number: 45 });
    await heading('Check 45');
    expect(location.hash).toBe('#/report/45/tests');
  });

  it('shows the running check on every other screen, with how chaos is run', async () => {
    const { door } = await open('mid+still+sim', '#/history');
    await heading('History');
    const card = await screen.findByRole('link', { name: 'Check 49 is running, chaos simulated. Show it.' });
    expect(card.getAttribute('href')).toBe('#/check');
    await waitFor(() => expect(door.fake.title()).toBe('Check 49 running, chaos simulated: Holdpoint'));
  });

  it('tells on another screen how a check ended, with all its labels', async () => {
    const { door, user } = await open('late+still+sim', '#/history');
    await heading('History');
    await screen.findByRole('link', { name: /Check 49 is running/ });
    door.fake.finish();
    const toast = await screen.findByText('Check 49: GO (chaos simulated)');
    expect(text(toast.closest('.toast'))).toContain('Nothing was restarted.');
    await waitFor(() =>
      expect(document.querySelector('[data-said]')?.textContent).toBe('Check 49 ended: GO, chaos simulated.'),
    );
    expect(location.hash).toBe('#/history');
    expect(screen.queryByRole('link', { name: /is running/ })).toBeNull();
    await user.click(within(toast.closest('.toast') as HTMLElement).getByRole('button', { name: 'Open' }));
    await screen.findByRole('region', { name: 'Verdict: GO, chaos simulated' });
  });

  it('asks before it is closed during a check', async () => {
    const { door, user, sent } = await open('mid+still', '#/history');
    await screen.findByRole('link', { name: /Check 49 is running/ });
    door.fake.tell({ what: 'close-asked' });
    const dialog = await screen.findByRole('dialog', { name: 'Check 49 is running. Close Holdpoint?' });
    expect(text(dialog)).toContain('waits until API answers again');
    await waitFor(() => expect(document.activeElement?.textContent?.trim()).toBe('Keep running'));
    await user.click(within(dialog).getByRole('button', { name: 'Keep running' }));
    expect(sent('closeAnyway')).toEqual([]);
    door.fake.tell({ what: 'close-asked' });
    await user.click(await screen.findByRole('button', { name: 'Abort safely and close' }));
    expect(sent('closeAnyway')).toEqual([[]]);
  });

  it('keeps failures and lets good news go', async () => {
    await open();
    await heading('New check');
    app.toast({ kind: 'fail', text: 'Not written' });
    for (let k = 0; k < 9; k += 1) app.toast({ kind: 'pass', text: `Saved ${k}` });
    await settle();
    expect(document.querySelectorAll('.toast').length).toBeLessThanOrEqual(4);
  });

  it.each([
    ['#/check', 'Check'],
    ['#/report/47/tests/L1', 'Report'],
    ['#/verdict/47', 'Verdict'],
    ['#/verdict/nonsense', 'Check'],
    ['#/verdict/-1', 'Check'],
    ['#/environments/a%20b', 'Environments'],
    ['#/environments/%E0%A4%A', 'Environments'],
    ['#/<script>', 'Check'],
    ['', 'Check'],
  ])('reads the address %s', (hash, view) => {
    expect(routeOf(hash).view).toBe(view);
  });

  it('axe finds nothing', async () => {
    const { container } = await open('mid+still', '#/settings');
    await heading('Settings');
    await screen.findByText('Limits of staging');
    await settle();
    expect(await axe(container)).toEqual([]);
  });
});

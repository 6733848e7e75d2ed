import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import History from '../src/views/History.svelte';
import { trendScale, trendWords } from '../src/history/trend';
import { ROW, visible } from '../src/history/window';
import { saved } from '../src/host/fake-archive/checks';
import { axe, HOSTILE, show, text } from './archive-kit';

const rows = () =>
  within(screen.getByRole('table', { name: 'Checks' }))
    .getAllByRole('row')
    .slice(1);
const row = (number: number) =>
  screen.getByRole('link', { name: new RegExp(`^Check ${number}\\b`) }).closest<HTMLTableRowElement>('tr')!;

describe('the list', () => {
  test('has the newest check first, each with its whole verdict', async () => {
    await show(History);
    await screen.findByRole('link', { name: 'Check 48' });
    expect(text(rows()[0])).toMatch(/^48\s*GO/);
    expect(text(row(47))).toContain('NO-GO');
    expect(text(row(46))).toMatch(/chaos simulated/i);
    expect(text(row(43))).toContain('over the limit');
    expect(text(row(44))).toMatch(/no verdict/i);
  });

  test('says which checks were imported and which are not ours', async () => {
    await show(History);
    expect(await screen.findByRole('link', { name: 'Check 45, imported' })).toBeTruthy();
    expect(text(row(36))).toContain('not ours');
    expect(text(row(36))).toMatch(/no verdict/i);
  });

  test('opens 5,000 checks at once and draws only some of them', async () => {
    const { door } = await show(History, 'many');
    const table = await screen.findByRole('table', { name: 'Checks' });
    await screen.findByRole('link', { name: 'Check 5000' });
    expect(Number(table.getAttribute('aria-rowcount'))).toBeGreaterThan(4000);
    expect(rows().length).toBeLessThan(120);
    const asked = door.archive.calls.filter(([name]) => name === 'checks').length;
    expect(asked).toBeLessThan(4);
  });

  test('narrows to a verdict, and a simulated GO is no GO', async () => {
    const { user } = await show(History);
    await screen.findByRole('link', { name: 'Check 48' });
    await user.click(screen.getByRole('button', { name: 'GO' }));
    await waitFor(() => expect(screen.queryByRole('link', { name: 'Check 47' })).toBeNull());
    expect(screen.queryByRole('link', { name: 'Check 46' })).toBeNull();
    await user.click(screen.getByRole('button', { name: 'Simulated' }));
    await screen.findByRole('link', { name: 'Check 46' });
    expect(screen.queryByRole('link', { name: 'Check 48' })).toBeNull();
  });

  test('finds by text with Ctrl F, says when nothing matches, and clears', async () => {
    const { user } = await show(History);
    await screen.findByRole('link', { name: 'Check 48' });
    await user.keyboard('{Control>}f{/Control}');
    const field = screen.getByRole<HTMLInputElement>('searchbox');
    expect(document.activeElement).toBe(field);
    await user.type(field, 'no such words');
    expect(await screen.findByText('No check matches')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: 'Clear filter' }));
    await screen.findByRole('link', { name: 'Check 48' });
    expect(field.value).toBe('');
  });

  test('shows other environments only when asked', async () => {
    const { user } = await show(History);
    await screen.findByRole('link', { name: 'Check 48' });
    expect(screen.queryByRole('link', { name: 'Check 42' })).toBeNull();
    await user.click(screen.getByRole('button', { name: 'All environments' }));
    await screen.findByRole('link', { name: 'Check 42' });
    expect(text(row(42))).toContain('rehearsal');
  });

  test('walks by J, K and the arrows, and opens by Enter', async () => {
    const { user } = await show(History);
    await screen.findByRole('link', { name: 'Check 48' });
    await user.keyboard('j');
    await waitFor(() => expect(document.activeElement).toBe(screen.getByRole('link', { name: 'Check 48' })));
    await user.keyboard('j');
    await waitFor(() => expect(document.activeElement).toBe(screen.getByRole('link', { name: 'Check 47' })));
    await user.keyboard('{ArrowDown}');
    await waitFor(() => expect(document.activeElement).toBe(screen.getByRole('link', { name: 'Check 46' })));
    await user.keyboard('k');
    await waitFor(() => expect(document.activeElement).toBe(screen.getByRole('link', { name: 'Check 47' })));
    expect(screen.getByRole('link', { name: 'Check 47' }).getAttribute('href')).toBe('#/report/47/tests');
  });

  test('letters do nothing while a field has the focus', async () => {
    const { user } = await show(History);
    await screen.findByRole('link', { name: 'Check 48' });
    const field = screen.getByRole<HTMLInputElement>('searchbox');
    await user.click(field);
    await user.keyboard('jjk');
    expect(document.activeElement).toBe(field);
    expect(field.value).toBe('jjk');
  });

  test('a click anywhere in a row opens its report', async () => {
    const { user } = await show(History);
    await screen.findByRole('link', { name: 'Check 47' });
    await user.click(row(47).cells[5]!);
    expect(location.hash).toBe('#/report/47/tests');
  });
});

describe('other states', () => {
  test('an empty history offers a check and an import', async () => {
    await show(History, 'empty');
    expect(await screen.findByText('No checks yet')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'New check' })).toBeTruthy();
    expect(screen.getAllByRole('button', { name: 'Import results' }).length).toBe(2);
  });

  test('a folder that cannot be read says what, why and what to do', async () => {
    await show(History, 'archive-refused');
    const told = await screen.findByRole('alert');
    expect(text(told)).toContain('The folder of checks cannot be read.');
    expect(text(told)).toContain('Permission denied');
    expect(screen.getByRole('button', { name: 'Try again' })).toBeTruthy();
  });

  test('strings from outside stay text', async () => {
    await show(History, 'hostile', {}, HOSTILE);
    await screen.findByRole('link', { name: 'Check 48' });
    expect(document.querySelector('[onerror], script')).toBeNull();
    expect(document.title).not.toBe('owned');
  });

  test('has nothing that axe objects to', async () => {
    const { container } = await show(History);
    await screen.findByRole('link', { name: 'Check 48' });
    expect(await axe(container)).toEqual([]);
  });
});

describe('import', () => {
  test('opens what was imported', async () => {
    const { user } = await show(History);
    await screen.findByRole('link', { name: 'Check 48' });
    await user.click(screen.getByRole('button', { name: 'Import results' }));
    await waitFor(() => expect(location.hash).toBe('#/report/49/tests'));
  });

  test('a refusal stays on screen with what is missing, and nothing is added', async () => {
    const { user, door } = await show(History, 'refused');
    await screen.findByRole('link', { name: 'Check 48' });
    await user.click(screen.getByRole('button', { name: 'Import results' }));
    const told = await screen.findByRole('alert');
    expect(text(told)).toContain('This file was not opened.');
    expect(text(told)).toContain('It has no "overall_status".');
    expect(door.archive.count()).toBe(48);
  });

  test('picking nothing changes nothing', async () => {
    const { user } = await show(History, 'cancelled');
    await screen.findByRole('link', { name: 'Check 48' });
    await user.click(screen.getByRole('button', { name: 'Import results' }));
    expect(screen.queryByRole('alert')).toBeNull();
    expect(location.hash).toBe('');
  });
});

describe('the trend', () => {
  const check = (number: number, story: Parameters<typeof saved>[1]) =>
    saved(number, story, 'checked', '2026-01-12T13:02:05Z').summary;

  test('names what is over its limit', () => {
    expect(trendWords([check(1, 'go'), check(2, 'slow')])).toMatch(/check 2 at 5322 ms, over its limit of 5000 ms/);
  });

  test('leaves a limit off the scale rather than squeeze the data', () => {
    expect(trendScale([check(1, 'rehearsal_go')]).shown).toBe(false);
    expect(trendScale([check(1, 'go')]).shown).toBe(true);
    expect(trendScale([check(1, 'slow')]).max).toBeGreaterThan(5322);
  });
});

describe('the rows worth drawing', () => {
  test('are those in view and a few beyond', () => {
    expect(visible(0, 680, 5000).from).toBe(0);
    expect(visible(0, 680, 5000).to).toBe(32);
    const deep = visible(1000 * ROW, 680, 5000);
    expect(deep.from).toBeLessThanOrEqual(1000);
    expect(deep.to).toBeGreaterThanOrEqual(1020);
    expect(visible(1e9, 680, 10).to).toBe(10);
    expect(visible(0, 680, 0).to).toBe(0);
  });
});

import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { nameOf, rare, readingOf, signed, ticksBetween, value } from '../src/history/compare';
import { routeOf } from '../src/route';
import Compare from '../src/views/Compare.svelte';
import Coverage from '../src/views/Coverage.svelte';
import History from '../src/views/History.svelte';
import Trends from '../src/views/Trends.svelte';
import { axe, show, text } from './archive-kit';

const figures = () =>
  within(screen.getByRole('region', { name: 'Figures' }))
    .getAllByRole('row')
    .slice(1);

describe('two checks side by side', () => {
  test('the real changes come first, each with its word, and the method is stated', async () => {
    const { container } = await show(Compare, '', { number: 48, against: '45' });
    await screen.findByRole('heading', { name: /Export got slower/ });
    expect(text(figures()[0])).toMatch(/L3 ?Export, P95.*361ms.*402ms.*\+11%.*interval \+7\.2% to \+16%.*slower.*9%/);
    expect(text(figures()[1])).toContain('faster');
    expect(text(container)).toContain('at most 5 name any change');
    expect(text(container)).toContain('1 more figure with too few samples');
    expect(screen.getByRole('img', { name: /Percentiles of Export. A: P50 .* P95 .* B: P50/ })).toBeTruthy();
    expect(await axe(container)).toEqual([]);
  });

  test('unlike checks are refused, and what differs is named', async () => {
    const { container } = await show(Compare, '', { number: 42, against: '48' });
    const differs = await screen.findByRole('region', { name: 'What differs' });
    expect(text(differs)).toContain('environment.api_url');
    expect(screen.queryByRole('region', { name: 'Figures' })).toBeNull();
    expect(await axe(container)).toEqual([]);
  });

  test('a simulated check says so loudly, and its restarts are not compared', async () => {
    await show(Compare, '', { number: 48, against: '46' });
    expect(await screen.findByText(/simulated its chaos tests/)).toBeTruthy();
    expect(figures().filter((row) => text(row).includes('cannot be compared')).length).toBe(3);
  });

  test('X swaps two checks, and a baseline that is no single check cannot be swapped', async () => {
    const { user, go } = await show(Compare, '', { number: 48, against: '45' });
    await screen.findByRole('region', { name: 'Figures' });
    await user.keyboard('x');
    await waitFor(() => expect(location.hash).toBe('#/compare/45/48'));
    await go({ number: 48, against: 'last-go' });
    expect((await screen.findByRole('button', { name: 'Swap A and B' })).getAttribute('aria-disabled')).toBe('true');
  });

  test('an A/A pair sets the noise floor, and what it hides is no change any more', async () => {
    const { user, sent } = await show(Compare, '', { number: 48, against: '45' });
    await screen.findByRole('region', { name: 'Figures' });
    await user.type(screen.getByLabelText('Check'), '44');
    await user.type(screen.getByLabelText('And check'), '45');
    await user.click(screen.getByRole('button', { name: 'Use as noise' }));
    await waitFor(() => expect(sent('compare').at(-1)).toEqual([48, '45', [44, 45]]));
    await screen.findByText(/those between check 44 and check 45/);
    expect(figures().some((row) => text(row).includes('slower'))).toBe(false);
  });

  test('the comparison is copied as Markdown', async () => {
    const { user, sent } = await show(Compare, '', { number: 48, against: '45' });
    await screen.findByRole('region', { name: 'Figures' });
    await user.click(screen.getByRole('button', { name: 'Copy as Markdown' }));
    await waitFor(() => expect(sent('compareText')).toEqual([[48, '45', null]]));
  });

  test('a refusal says what to do', async () => {
    await show(Compare, '', { number: 1, against: 'last-go' });
    expect(text(await screen.findByRole('alert'))).toContain('read GO here');
  });
});

describe('since the last GO', () => {
  test('takes the newest check of the environment', async () => {
    const { sent, container } = await show(Compare);
    await screen.findByRole('heading', { name: 'Since the last GO' });
    await screen.findByRole('region', { name: 'Figures' });
    expect(sent('compare')).toEqual([[48, 'last-go', null]]);
    expect(await axe(container)).toEqual([]);
  });

  test('an empty archive has nothing to compare', async () => {
    await show(Compare, 'empty');
    expect(await screen.findByText('No checks yet')).toBeTruthy();
  });
});

describe('choosing in the history', () => {
  test('two rows are selected by box or key and compared with C', async () => {
    const { user } = await show(History);
    await screen.findByRole('link', { name: 'Check 48' });
    await user.keyboard('jx');
    await user.click(screen.getByRole('checkbox', { name: 'Select check 46 to compare' }));
    screen.getByRole('link', { name: 'Check 48' }).focus();
    await user.keyboard('c');
    await waitFor(() => expect(location.hash).toBe('#/compare/48/46'));
  });

  test('one row alone is not compared, and the button says why', async () => {
    const { user } = await show(History);
    await screen.findByRole('link', { name: 'Check 48' });
    await user.click(screen.getByRole('checkbox', { name: 'Select check 46 to compare' }));
    expect(screen.getByRole('button', { name: /^Compare/ }).getAttribute('aria-disabled')).toBe('true');
  });

  test('a folder of old results is imported with what each proved', async () => {
    const { user, container } = await show(History);
    await screen.findByRole('link', { name: 'Check 48' });
    await user.click(screen.getByRole('button', { name: 'More' }));
    await user.click(screen.getByRole('menuitem', { name: 'Import a folder of results' }));
    const files = await screen.findByRole('region', { name: 'Imported files' });
    expect(text(files)).toContain('2026-01/step3_results.json');
    expect(text(files)).toContain('C1: nothing');
    expect(text(files)).toContain('notes.json');
    expect(await axe(container)).toEqual([]);
  });
});

describe('trends', () => {
  test('show figures, verdicts and findings over time, filtered by version and suite', async () => {
    const { user, sent, container } = await show(Trends);
    await screen.findByRole('region', { name: 'Verdicts and L1' });
    expect(text(screen.getByRole('region', { name: 'Figures over time' }))).toMatch(/L1 expand, P95.*API back in/);
    const findings = screen.getByRole('region', { name: 'Findings over time' });
    expect(text(findings)).toMatch(/comes and goes/);
    expect(text(findings)).toMatch(/\d+ of \d+/);
    expect(await axe(container)).toEqual([]);
    await user.selectOptions(screen.getByLabelText('Version'), '1.18.1');
    expect(await screen.findByText('No checks to show')).toBeTruthy();
    expect(sent('trends').at(-1)).toEqual([{ environment: 'staging', version: '1.18.1', suite: null, limit: 60 }]);
    await user.click(screen.getByRole('button', { name: 'Clear filter' }));
    await screen.findByRole('region', { name: 'Figures over time' });
  });
});

describe('coverage', () => {
  test('what was not tested in this release is never a pass', async () => {
    const { container } = await show(Coverage);
    const map = await screen.findByRole('table');
    const row = (name: string) => within(map).getByRole('rowheader', { name }).closest('tr')!;
    expect(text(row('Load only'))).toContain('Pass');
    expect(text(row('API restart'))).toContain('untested');
    expect(text(row('API restart'))).not.toContain('Pass');
    expect(text(row('Postgres restart'))).toContain('not this release');
    expect(text(row('Postgres restart'))).not.toContain('Pass');
    expect(text(row('Redis restart'))).toContain('no test');
    expect(await axe(container)).toEqual([]);
  });
});

describe('words', () => {
  test('numbers are short and carry their sign', () => {
    expect(signed(11.42, 'p95')).toBe('+11%');
    expect(signed(-4.04, 'p95')).toBe('−4%');
    expect(signed(0.01, 'p95')).toBe('0%');
    expect(signed(3, 'failures')).toBe('+3\u00a0points');
    expect(signed(null, 'all')).toBe('–');
    expect([value(402.4), value(2.14), value(3), value(null)]).toEqual(['402', '2.1', '3', '–']);
    expect(nameOf({ title: 'Export', kind: 'p95' })).toBe('Export, P95');
    expect(readingOf('unheard' as never).kind).toBe('few');
  });

  test('scales fit what they show', () => {
    expect(rare(0)).toBe(0);
    expect(rare(0.99)).toBeCloseTo(2);
    const ticks = ticksBetween(140, 700);
    expect(ticks.length).toBeGreaterThan(2);
    expect(ticks.every((tick) => tick >= 140 && tick <= 700)).toBe(true);
  });

  test('addresses lead to the views', () => {
    expect(routeOf('#/compare/48/last-go')).toMatchObject({
      view: 'Compare',
      props: { number: 48, against: 'last-go' },
    });
    expect(routeOf('#/compare/x').view).toBe('Check');
    expect(routeOf('#/since').view).toBe('Compare');
    expect(routeOf('#/trends').view).toBe('Trends');
    expect(routeOf('#/coverage').view).toBe('Coverage');
  });
});

import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, test } from 'vitest';
import { criterionMark } from '../src/report/words';
import Report from '../src/views/Report.svelte';
import { axe, HOSTILE, show, text } from './archive-kit';

const panel = (name: string) => screen.getByRole('region', { name });

describe('tests', () => {
  test('opens at the first failed test and says why it failed', async () => {
    await show(Report, '', { number: 47 });
    expect(text(await screen.findByRole('region', { name: 'Result of C1' }))).toContain('2of 8');
    expect(text(panel('Findings'))).toContain('2 of 8 runs are stuck after the worker restart');
    expect(text(panel('Findings'))).toContain('Likely cause');
    expect(text(panel('Findings'))).toContain('8f21c0d4');
    const stuck = within(panel('Criteria')).getByRole('row', { name: /Stuck runs/ });
    expect(text(stuck)).toContain('Not met');
  });

  test('shows how a restart was proven and what it took before', async () => {
    await show(Report, '', { number: 48, tab: 'tests', test: 'C2' });
    const restart = await screen.findByRole('region', { name: 'Restart' });
    expect(text(restart)).toContain('limit 240 s');
    expect(text(restart)).toMatch(/Identity [0-9a-f]{8} to [0-9a-f]{8}/);
    expect(text(restart)).toContain('in the last 10 checks');
  });

  test('lists all tests, and J and K walk them', async () => {
    const { user } = await show(Report, '', { number: 47, tab: 'tests', test: 'L1' });
    const list = await screen.findByRole('navigation', { name: 'Tests' });
    expect(within(list).getAllByRole('link').length).toBe(8);
    await user.keyboard('j');
    expect(location.hash).toBe('#/report/47/tests/L2');
  });

  test('a simulated test says that nothing was restarted and never that it passed', async () => {
    await show(Report, '', { number: 46, tab: 'tests', test: 'C1' });
    const result = await screen.findByRole('region', { name: 'Result of C1' });
    expect(text(result)).toContain('Simulated');
    expect(screen.getByText(/Nothing was restarted in this test/)).toBeTruthy();
    expect(text(panel('Criteria'))).not.toContain('Met');
    expect(text(panel('Restart'))).toContain('not measured');
  });

  test('a test that could not go on says why', async () => {
    await show(Report, '', { number: 39, tab: 'tests', test: 'C2' });
    expect(text(await screen.findByRole('alert'))).toContain('aborted by a person');
  });

  test('a test that was not reached claims nothing', async () => {
    await show(Report, '', { number: 39, tab: 'tests', test: 'REP' });
    expect(text(await screen.findByRole('region', { name: 'Result of REP' }))).toContain('Nothing was measured');
    expect(text(panel('Criteria'))).not.toContain('Met');
  });

  test('a chart is an image with its finding, and its data is a table', async () => {
    const { user } = await show(Report, '', { number: 48, tab: 'tests', test: 'L1' });
    const image = await screen.findByRole<HTMLImageElement>('img', { name: /P95 is under the limit of 5000 ms/ });
    expect(image.src).toMatch(/^data:image\/svg\+xml/);
    await user.click(screen.getAllByText('Data as a table')[0]!);
    expect(screen.getByRole('table', { name: 'Latency by percentile' })).toBeTruthy();
  });

  test('shows the bucket part by part with what shows it', async () => {
    await show(Report, '', { number: 40, tab: 'tests', test: 'BUCKET' });
    const part = within(await screen.findByRole('region', { name: 'Isolation of the bucket' })).getByRole('row', {
      name: /^c /,
    });
    expect(text(part)).toContain('Broken');
    expect(text(part)).toContain('agentverse-artifacts/runs/9f88a5/report.md');
  });

  test('a state it does not know is never drawn as met', () => {
    expect(criterionMark({ state: 'something new' as never }).state).toBe('unproven');
  });
});

describe('evidence packs', () => {
  test('show five files of each run and what is wrong', async () => {
    const { user } = await show(Report, '', { number: 47, tab: 'tests', test: 'REP' });
    const packs = within(await screen.findByRole('region', { name: 'Packs' }));
    expect(packs.getAllByText('corrupt').length).toBeGreaterThan(0);
    expect(packs.getByText(/Records 413 to 418 are missing/)).toBeTruthy();
    expect(packs.getAllByRole('row').length).toBeGreaterThan(34);
    await user.click(packs.getByRole('button', { name: /Corrupted/ }));
    expect(packs.getAllByRole('row').length).toBe(3);
    expect(text(packs.getAllByRole('row')[1])).toContain('8f21c0d4');
  });

  test('are found by Ctrl F', async () => {
    const { user } = await show(Report, '', { number: 47, tab: 'tests', test: 'REP' });
    await screen.findByRole('region', { name: 'Packs' });
    await user.keyboard('{Control>}f{/Control}');
    await user.keyboard('8f21c0');
    await waitFor(() => expect(within(panel('Packs')).getAllByRole('row').length).toBe(3));
  });
});

describe('a file of another runner', () => {
  test('has no verdict, only claims and what each of them proves', async () => {
    await show(Report, '', { number: 36 });
    expect(text(await screen.findByRole('alert'))).toContain('NO VERDICT: recorded file of another runner');
    expect(text(panel('Where it comes from'))).toContain('a claim, not a verdict');
    expect(text(panel('What it claims'))).toContain('nothing: nothing was restarted');
    expect(screen.queryByText('GO')).toBeNull();
    expect(screen.queryByText('Pass')).toBeNull();
  });
});

test('axe finds nothing in a file of another runner', async () => {
  const { container } = await show(Report, '', { number: 36 });
  await screen.findByRole('alert');
  expect(await axe(container)).toEqual([]);
});

describe('timeline and evidence', () => {
  test('the timeline has its chart and the events in words', async () => {
    await show(Report, '', { number: 47, tab: 'timeline' });
    expect(await screen.findByRole('img', { name: /Worker away from 1:30/ })).toBeTruthy();
    const events = within(await screen.findByRole('region', { name: 'Events' }));
    expect(await events.findByText('Run 8f21c0d4 is still running after 120 s: stuck.')).toBeTruthy();
  });

  test('evidence has the target, the plan, the preflight and what was left behind', async () => {
    await show(Report, '', { number: 47, tab: 'evidence' });
    expect(text(await screen.findByRole('region', { name: 'Target' }))).toMatch(/Plan [0-9a-f]{64}/);
    expect(text(panel('Target'))).toContain('never over 50 ms');
    expect(text(panel('Preflight'))).toContain('Clocks agree');
    expect(text(panel('Left behind'))).toContain('storage-test/7c02.txt');
  });

  test('the journal is searched, filtered, paged and read raw', async () => {
    const { user, sent } = await show(Report, '', { number: 47, tab: 'evidence' });
    await screen.findByText(/1 to 200 of/);
    await user.click(screen.getByRole('button', { name: 'Later' }));
    expect(await screen.findByText(/201 to /)).toBeTruthy();
    await user.click(within(panel('Journal')).getByRole('button', { name: 'C1' }));
    await screen.findByText(/1 to \d+ of \d+ lines/);
    await user.type(screen.getByRole('searchbox', { name: 'Search the journal' }), 'stuck');
    await waitFor(() => expect(sent('journal').at(-1)?.[1]).toMatchObject({ test: 'C1', text: 'stuck', offset: 0 }));
    const line = await screen.findByText('Run 8f21c0d4 is still running after 120 s: stuck.');
    await user.click(line);
    expect(screen.getAllByText(/"event":"run_stuck"/).length).toBeGreaterThan(0);
  });

  test('the evidence of a check without tests opens', async () => {
    await show(Report, '', { number: 31, tab: 'evidence' });
    expect(text(await screen.findByRole('region', { name: 'Preflight' }))).toContain('Look at the API logs on Railway');
  });
});

describe('the whole page', () => {
  test('draws the charts anew when the theme changes', async () => {
    const { sent } = await show(Report, '', { number: 47 });
    await screen.findByRole('region', { name: 'Result of C1' });
    expect(sent('report')).toEqual([[47, false]]);
    document.documentElement.dataset.theme = 'dark';
    await waitFor(() => expect(sent('report').at(-1)).toEqual([47, true]));
    delete document.documentElement.dataset.theme;
    expect(panel('Result of C1')).toBeTruthy();
  });

  test('a check that is not there says so', async () => {
    await show(Report, '', { number: 999 });
    expect(text(await screen.findByRole('alert'))).toContain('There is no check 999.');
    expect(screen.getAllByRole('button', { name: 'Back to History' }).length).toBeGreaterThan(0);
  });

  test('tabs and the verdict have their addresses', async () => {
    const { user } = await show(Report, '', { number: 47 });
    await user.click(await screen.findByRole('tab', { name: 'Evidence' }));
    expect(location.hash).toBe('#/report/47/evidence');
    expect(screen.getByRole('link', { name: 'Verdict and fix plan' }).getAttribute('href')).toBe('#/verdict/47');
  });

  test('a drill names itself, and a rehearsal is tagged', async () => {
    await show(Report, '', { number: 41 });
    expect(await screen.findByText('drill worker-loses-runs')).toBeTruthy();
    expect(screen.getByText('rehearsal')).toBeTruthy();
  });

  test.each([
    ['tests', 'REP'],
    ['tests', 'L1'],
    ['timeline', undefined],
    ['evidence', undefined],
  ])('axe finds nothing in %s %s', async (tab, of) => {
    const { container } = await show(Report, '', { number: 47, tab, test: of });
    await screen.findByRole('tab', { name: 'Tests' });
    if (tab === 'evidence') await screen.findByText(/1 to 200 of/);
    expect(await axe(container)).toEqual([]);
  });

  test.each(['tests', 'timeline', 'evidence'])('strings from outside stay text in %s', async (tab) => {
    await show(Report, 'hostile', { number: 47, tab, test: 'L1' });
    await screen.findByRole('tab', { name: 'Tests' });
    await waitFor(() => expect(document.body.textContent).toContain(HOSTILE));
    expect(document.querySelector('[onerror], script, image')).toBeNull();
    for (const image of document.querySelectorAll('img')) expect(image.src).toMatch(/^data:image\/svg\+xml/);
    expect(document.title).not.toBe('owned');
  });
});

import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { createRawSnippet } from 'svelte';
import { describe, expect, it, vi } from 'vitest';
import type { ChaosMode } from '../src/host/types/ChaosMode';
import type { NoVerdict } from '../src/host/types/NoVerdict';
import type { Word } from '../src/host/types/Word';
import Button from '../src/parts/Button.svelte';
import DataTable from '../src/parts/DataTable.svelte';
import Dialog from '../src/parts/Dialog.svelte';
import {
  about,
  bytes,
  clock,
  count,
  duration,
  localDay,
  localFull,
  localMoment,
  localTime,
  ms,
  plural,
  utc,
} from '../src/parts/format';
import { ICONS } from '../src/parts/icons';
import Icon from '../src/parts/Icon.svelte';
import Menu from '../src/parts/Menu.svelte';
import NumberField from '../src/parts/NumberField.svelte';
import Poll from '../src/parts/Poll.svelte';
import ProblemNotice from '../src/parts/ProblemNotice.svelte';
import SearchField from '../src/parts/SearchField.svelte';
import Status from '../src/parts/Status.svelte';
import { STATUS, statusOf } from '../src/parts/status';
import Tabs from '../src/parts/Tabs.svelte';
import Time from '../src/parts/Time.svelte';
import { verdictWords } from '../src/parts/verdict';
import VerdictChip from '../src/parts/VerdictChip.svelte';
import { axe, text } from './archive-kit';

const words = (label: string) => createRawSnippet(() => ({ render: () => `<span>${label}</span>` }));
const plain = (value: string) => value.replace(/\u00a0/g, ' ');

describe('numbers and times', () => {
  it('are written as the reports write them, with the unit held on', () => {
    expect(ms(1734.4)).toBe('1734\u00a0ms');
    expect(plain(ms(3.14))).toBe('3.1 ms');
    expect([400, 0, 26_000, 342_000, 120_000, 3_720_000, 3_600_000].map(duration).map(plain)).toEqual([
      '0.4 s',
      '0 s',
      '26 s',
      '5 min 42 s',
      '2 min',
      '1 h 2 min',
      '1 h',
    ]);
    expect([186_000, 0, 3_723_000].map(clock)).toEqual(['3:06', '0:00', '1:02:03']);
    expect(plain(about(343_000))).toBe('5 min 45 s');
    expect([812, 41_200_000, 300_000].map(bytes).map(plain)).toEqual(['812 B', '41.2 MB', '300 kB']);
    expect([5, 999, 5000, 1_234_567].map(count)).toEqual(['5', '999', '5,000', '1,234,567']);
    expect([plain(plural(1, 'test')), plain(plural(3, 'test'))]).toEqual(['1 test', '3 tests']);
  });

  it('do not end a minute at 60 s', () => {
    expect(plain(duration(59_600))).toBe('1 min');
    expect(plain(duration(119_700))).toBe('2 min');
  });

  it('show a moment here, and in UTC', () => {
    const at = new Date(2026, 0, 12, 14, 2, 11);
    const iso = at.toISOString();
    expect(localTime(iso)).toBe('14:02');
    expect(localDay(iso)).toBe('12 Jan 2026');
    expect(localFull(iso)).toMatch(/^12 Jan 2026, 14:02:11 local \(UTC[+-]\d/);
    expect(localMoment(iso, at)).toBe('today 14:02');
    expect(localMoment(iso, new Date(2026, 0, 13, 0, 5))).toBe('yesterday 14:02');
    expect(localMoment(iso, new Date(2026, 0, 20))).toBe('12 Jan 14:02');
    expect(localMoment(iso, new Date(2027, 0, 20))).toBe('12 Jan 2026 14:02');
    expect(utc('2026-01-12T13:02:11Z')).toBe('12 Jan 2026, 13:02:11 UTC');
  });

  it('leave what is no time and no number as it is', () => {
    expect(localTime('soon')).toBe('soon');
    expect(utc('soon')).toBe('soon');
    expect(duration(Number.NaN)).toBe('unknown');
    expect(count(Number.POSITIVE_INFINITY)).toBe('unknown');
  });

  it('do not ask the locale, which can be "C"', () => {
    const was = Object.getOwnPropertyDescriptor(navigator, 'language');
    Object.defineProperty(navigator, 'language', { value: 'C', configurable: true });
    expect(count(5000)).toBe('5,000');
    expect(localDay(new Date(2026, 0, 2).toISOString())).toBe('2 Jan 2026');
    if (was) Object.defineProperty(navigator, 'language', was);
    else delete (navigator as { language?: string }).language;
  });

  it('say local and UTC on focus', () => {
    render(Time, { at: '2026-01-12T13:02:11Z' });
    const time = document.querySelector('time');
    expect(time?.tabIndex).toBe(0);
    expect(time?.dataset.tip).toContain('13:02:11 UTC');
    expect(time?.dataset.tip).toContain('local');
  });
});

describe('a verdict', () => {
  const chaos: ChaosMode[] = ['real', 'simulated', 'not_run'];
  const verdicts: Word[] = ['go', 'no_go', 'no_verdict'];
  const reasons: (NoVerdict | null)[] = [
    null,
    { reason: 'cut_off' },
    { reason: 'aborted' },
    { reason: 'part_of_suite' },
    { reason: 'unfit_generator' },
    { reason: 'unproven', criteria: ['C1.fault'] },
    { reason: 'not_ready', rows: [], misconfigured: true },
  ];

  it('is never drawn as a plain GO where anything qualifies it', () => {
    for (const word of verdicts)
      for (const how of chaos)
        for (const rehearsal of [true, false])
          for (const scope of ['all tests', 'load only'])
            for (const waivers of [0, 2])
              for (const looser of [0, 1])
                for (const noVerdict of reasons) {
                  const shown = verdictWords({ word, chaos: how, rehearsal, noVerdict, scope, waivers, looser });
                  const green = shown.look === 'go';
                  if (green) expect([word, how, scope, waivers]).toEqual(['go', 'real', 'all tests', 0]);
                  if (shown.mark === 'pass') expect(green).toBe(true);
                  if (how === 'simulated') expect(shown.qualifier).toContain('chaos simulated');
                  if (waivers) expect(plain(shown.qualifier)).toContain('with 2 waivers');
                  if (rehearsal) expect(shown.tags).toContain('rehearsal');
                  if (looser) expect(plain(shown.tags.join())).toContain('1 limit looser');
                  if (word !== 'go') expect(shown.line.startsWith('GO')).toBe(false);
                }
  });

  it.each<[Word, ChaosMode, NoVerdict | null, string, string]>([
    ['go', 'real', null, 'all tests', 'GO'],
    ['go', 'simulated', null, 'all tests', 'GO chaos simulated'],
    ['no_go', 'simulated', null, 'all tests', 'NO-GO chaos simulated'],
    ['no_go', 'real', null, 'load only', 'NO-GO load only'],
    ['no_verdict', 'not_run', { reason: 'part_of_suite' }, 'load only', 'No verdict, load only'],
    ['no_verdict', 'real', { reason: 'aborted' }, 'all tests', 'No verdict, aborted'],
    ['no_verdict', 'real', null, 'another runner', 'No verdict, another runner'],
  ])('%s with chaos %s reads in words', (word, how, noVerdict, scope, expected) => {
    const { container } = render(VerdictChip, { word, chaos: how, rehearsal: false, noVerdict, scope });
    expect(text(container)).toBe(expected);
  });

  it('keeps its tags beside it', () => {
    const { container } = render(VerdictChip, {
      word: 'go',
      chaos: 'real',
      rehearsal: true,
      scope: 'all tests',
      waivers: 1,
      looser: 2,
    });
    expect(text(container)).toBe('GO with 1 waiver 2 limits looser rehearsal');
  });
});

describe('a status', () => {
  it('has a mark and a word for every state, and no two share both', () => {
    for (const { mark, word } of Object.values(STATUS)) {
      expect(ICONS[mark], mark).toBeDefined();
      expect(word).not.toBe('');
    }
    const words = Object.values(STATUS).map(({ word }) => word);
    expect(new Set(words).size).toBe(words.length);
  });

  it('that is not known is no pass', () => {
    expect(statusOf('splendid' as never).mark).toBe('unproven');
    const { container } = render(Status, { state: 'splendid' as never });
    expect(text(container)).toBe('Not proven');
  });

  it('of eight tests is read as words', () => {
    render(Poll, {
      tests: [
        ['L1', 'passed'],
        ['C1', 'simulated'],
        ['BUCKET', 'failed'],
      ],
    });
    expect(screen.getByRole('img').getAttribute('aria-label')).toBe('L1 pass, C1 simulated, Bucket fail');
  });

  it('never breaks on an icon that is not there', () => {
    const { container } = render(Icon, { name: '<script>' });
    expect(container.querySelector('svg')).not.toBeNull();
    expect(container.querySelector('script')).toBeNull();
  });
});

describe('a button', () => {
  it('that is blocked can be focused, says why, does nothing, and leads on', async () => {
    const [onclick, onblocked] = [vi.fn(), vi.fn()];
    render(Button, { blocked: 'Confirm the restarts first', onclick, onblocked, children: words('Start') });
    const button = screen.getByRole('button', { name: 'Start' });
    await userEvent.setup().click(button);
    expect(onclick).not.toHaveBeenCalled();
    expect(onblocked).toHaveBeenCalledOnce();
    button.focus();
    expect(document.activeElement).toBe(button);
    expect(button.getAttribute('aria-disabled')).toBe('true');
    expect(document.getElementById(button.getAttribute('aria-describedby') ?? '')?.textContent).toBe(
      'Confirm the restarts first',
    );
  });

  it('that is busy cannot be pressed twice', async () => {
    const onclick = vi.fn();
    render(Button, { busy: true, onclick, children: words('Save') });
    await userEvent.setup().click(screen.getByRole('button'));
    expect(onclick).not.toHaveBeenCalled();
  });
});

describe('a dialog', () => {
  it('takes the focus to its safe button, closes by Escape and gives it back', async () => {
    const user = userEvent.setup();
    const onclose = vi.fn();
    const before = document.createElement('button');
    document.body.append(before);
    before.focus();
    const actions = createRawSnippet(() => ({
      render: () => '<div><button>Keep</button><button>Remove</button></div>',
    }));
    const { rerender } = render(Dialog, { open: true, title: 'Remove it?', onclose, actions });
    expect(await screen.findByRole('dialog', { name: 'Remove it?' })).toBeTruthy();
    await vi.waitFor(() => expect(document.activeElement?.textContent).toBe('Keep'));
    await user.keyboard('{Escape}');
    expect(onclose).toHaveBeenCalledOnce();
    expect(screen.getByRole('dialog')).toBeTruthy();
    await rerender({ open: false });
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(document.activeElement).toBe(before);
    before.remove();
  });
});

describe('a menu', () => {
  it('is walked by arrows, chosen by Enter, left by Escape', async () => {
    const user = userEvent.setup();
    const chosen: string[] = [];
    const items = ['Light', 'Dark'].map((label) => ({ label, onselect: () => chosen.push(label) }));
    render(Menu, { label: 'Theme', items });
    const button = screen.getByRole('button', { name: /Theme/ });
    await user.click(button);
    expect(document.activeElement?.textContent).toContain('Light');
    await user.keyboard('{ArrowDown}{Enter}');
    expect(chosen).toEqual(['Dark']);
    expect(screen.queryByRole('menu')).toBeNull();
    expect(document.activeElement).toBe(button);
    await user.keyboard('{ArrowDown}');
    expect(screen.getByRole('menu')).toBeTruthy();
    await user.keyboard('{Escape}');
    expect(screen.queryByRole('menu')).toBeNull();
    expect(document.activeElement).toBe(button);
  });
});

describe('a field', () => {
  it('for numbers keeps what was typed and tells what it is', async () => {
    const user = userEvent.setup();
    const told: number[] = [];
    const { rerender } = render(NumberField, {
      label: 'P95, below',
      unit: 'ms',
      value: 5000,
      onchange: (to: number) => void told.push(to),
    });
    const field = screen.getByLabelText<HTMLInputElement>('P95, below');
    await user.clear(field);
    await rerender({ value: Number.NaN });
    expect(field.value).toBe('');
    expect(screen.getByText('This needs a number.')).toBeTruthy();
    expect(field.getAttribute('aria-invalid')).toBe('true');
    await user.type(field, '80x');
    await rerender({ value: Number.NaN });
    expect(field.value).toBe('80x');
    expect(told.at(-1)).toBeNaN();
    await user.clear(field);
    await user.type(field, '8000');
    await rerender({ value: 8000 });
    expect(told.at(-1)).toBe(8000);
    await rerender({ value: 5000 });
    expect(field.value).toBe('5000');
  });

  it('for finding is emptied by Escape', async () => {
    const user = userEvent.setup();
    const told: string[] = [];
    render(SearchField, { label: 'Find', value: 'abc', onchange: (to: string) => void told.push(to) });
    screen.getByRole('searchbox', { name: 'Find' }).focus();
    await user.keyboard('{Escape}');
    expect(told).toEqual(['']);
  });
});

describe('tabs', () => {
  it('have one in the tab order and are walked by arrows', async () => {
    const user = userEvent.setup();
    const told: string[] = [];
    const { container } = render(Tabs, {
      label: 'Logs',
      tabs: [
        { value: 'a', label: 'Events' },
        { value: 'b', label: 'Service logs' },
      ],
      value: 'a',
      onchange: (to: string) => void told.push(to),
    });
    const [first, second] = screen.getAllByRole('tab');
    expect([first?.tabIndex, second?.tabIndex]).toEqual([0, -1]);
    first?.focus();
    await user.keyboard('{ArrowRight}');
    expect(told).toEqual(['b']);
    expect(await axe(container)).toEqual([]);
  });
});

describe('what comes from outside', () => {
  const evil = '<img src=x onerror="document.title=\'owned\'">';

  it('stays text in a table', () => {
    const { container } = render(DataTable, {
      table: { title: evil, note: '', columns: [{ title: evil, numeric: true, mono: false }], rows: [[evil, evil]] },
    });
    expect(container.querySelector('img')).toBeNull();
    expect(screen.getAllByText(evil).length).toBeGreaterThan(1);
  });

  it('stays text in a problem, in the order what, why, what to do', () => {
    const { container } = render(ProblemNotice, {
      problem: {
        code: 'x',
        message: evil,
        why: 'Because.',
        remedy: 'Try again.',
        fields: [{ field: 'api_url', message: evil }],
      },
    });
    expect(container.querySelector('img')).toBeNull();
    expect(text(screen.getByRole('alert'))).toBe(`${evil} Because. Try again. api_url: ${evil}`);
  });
});

/** The journal of a fake check: some hundred lines, in words and as they would stand in the file. */
import type { JournalLine } from '../types/JournalLine';
import type { JournalPage } from '../types/JournalPage';
import type { JournalQuery } from '../types/JournalQuery';
import type { LineKind } from '../types/LineKind';
import type { TestId } from '../types/TestId';
import type { Saved } from './checks';
import { dice, hex, HOSTILE } from './kit';
import { faults } from './report';

/** Every line of a check. */
export function lines(saved: Saved, hostile: boolean): JournalLine[] {
  if (saved.story === 'foreign') return [];
  const next = dice(saved.summary.number * 101);
  const out: JournalLine[] = [];
  let at = 0;
  const add = (event: string, test: TestId | null, kind: LineKind | null, text: string, data: object) => {
    at += Math.round(next() * 900);
    const seq = out.length;
    const shown = hostile && kind ? `${text} ${HOSTILE}` : text;
    out.push({
      line: kind ? { seq, at_ms: at, kind, test, text: shown } : null,
      seq,
      at_ms: at,
      event,
      raw: JSON.stringify({ seq, elapsed_ms: at, event, test, ...data, ...(hostile ? { note: HOSTILE } : {}) }),
    });
  };
  const mode = saved.summary.chaos === 'real' ? 'Services will really be restarted.' : 'Nothing will be restarted.';
  add('check_started', null, 'info', `Check of ${saved.summary.environment} started: ${saved.summary.scope}. ${mode}`, {
    schema: 3,
  });
  add('preflight', null, 'pass', 'API answers: 142 ms.', { id: 'api.reachable', state: 'ok' });
  add('preflight', null, 'pass', 'Login accepted: tenant 3 of staging.', { id: 'api.login', state: 'ok' });
  const restarts = faults(saved);
  for (const [test, state] of saved.summary.tests) {
    if (state === 'not_planned' || state === 'waiting') continue;
    add('test_started', test, 'info', `${test} started.`, {});
    for (let k = 0; k < 40; k += 1) {
      const run = hex(next, 8);
      add('request', test, null, '', { kind: 'fork', id: run, ms: Math.round(180 + next() * 1500), ok: true });
      if (k % 10 === 9) {
        add('measured', test, 'info', `fork: 20 answered, 0 failed, P95 ${Math.round(1500 + next() * 250)} ms.`, {
          ok: 20,
          failed: 0,
        });
      }
    }
    const cut = { C1: restarts[0], C2: restarts[1], C3: restarts[2] }[test as 'C1' | 'C2' | 'C3'];
    if (cut) {
      add('fault_intended', test, 'fault', `Restart of ${cut[0]} asked for.`, { service: cut[0] });
      add(
        'fault_recovered',
        test,
        'back',
        `${cut[0]} is back after ${Math.round((cut[2] - cut[1]) / 1000)} s, proven by identity.`,
        {
          service: cut[0],
          before: hex(next, 8),
          after: hex(next, 8),
        },
      );
    } else if (state === 'simulated') {
      add('fault_simulated', test, 'simulated', 'Nothing was restarted: no token.', {});
    }
    if (state === 'failed' && test === 'C1') {
      add('run_stuck', test, 'fail', 'Run 8f21c0d4 is still running after 120 s: stuck.', { run_id: '8f21c0d4' });
      add('run_stuck', test, 'fail', 'Run 4be97d11 is still running after 120 s: stuck.', { run_id: '4be97d11' });
    }
    add('test_ended', test, state === 'failed' ? 'fail' : 'pass', `${test} ended: ${state}.`, { state });
  }
  add('check_ended', null, 'info', `The check ended: ${saved.summary.headline}.`, { ending: 'complete' });
  return out;
}

/** Answers a query as Rust does. */
export function journalPage(all: JournalLine[], query: JournalQuery): JournalPage {
  const text = query.text.trim().toLowerCase();
  const matching = all.filter((line) => {
    if (query.test !== null && !line.raw.includes(`"test":"${query.test}"`)) return false;
    return (
      text === '' || line.raw.toLowerCase().includes(text) || (line.line?.text.toLowerCase().includes(text) ?? false)
    );
  });
  return {
    matching: matching.length,
    lines: matching.slice(query.offset, query.offset + Math.min(query.limit, 500)),
  };
}

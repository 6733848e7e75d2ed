/**
 * A scripted check of the fake host: everything that happens is laid out on its clock beforehand, and a message is what
 * lies between the last moment and this one. Numbers are made up and agree with each other.
 */
import { dice, hex } from './fake-archive/kit';
import type { BacklogPoint } from './types/BacklogPoint';
import type { ChaosIntent } from './types/ChaosIntent';
import type { EventLine } from './types/EventLine';
import type { Figure } from './types/Figure';
import type { IntervalPoint } from './types/IntervalPoint';
import type { Kind } from './types/Kind';
import type { LineKind } from './types/LineKind';
import type { Live } from './types/Live';
import type { LiveFault } from './types/LiveFault';
import type { LiveState } from './types/LiveState';
import type { LogLine } from './types/LogLine';
import type { PreflightRow } from './types/PreflightRow';
import type { RunBar } from './types/RunBar';
import type { Service } from './types/Service';
import type { TestId } from './types/TestId';
import type { TestState } from './types/TestState';

const TITLE: Record<TestId, string> = {
  L1: 'Node expansion',
  L2: 'Calibration + auto-tune',
  L3: 'Replay + export',
  C1: 'Worker restart',
  C2: 'API restart',
  C3: 'Database outage',
  REP: 'Evidence packs',
  BUCKET: 'Artifact location',
};
const TAKES: Record<TestId, number> = {
  L1: 6_000,
  L2: 34_000,
  L3: 26_000,
  C1: 60_000,
  C2: 100_000,
  C3: 84_000,
  REP: 20_000,
  BUCKET: 6_000,
};
const AWAY: Partial<Record<TestId, [Service, string, number, number]>> = {
  C1: ['worker', 'Worker', 18_000, 5_000],
  C2: ['api', 'API', 16_000, 65_000],
  C3: ['postgres', 'Postgres', 14_000, 31_000],
};
const END: Record<TestId, [string, Figure]> = {
  L1: [
    '60 of 60 expansions answered. P50 1569 ms, P95 1734 ms, limit 5000 ms.',
    { value: '1734', unit: 'ms', label: 'P95', bad: false },
  ],
  L2: [
    '20 of 20 jobs done. The backlog peaked at 14, limit 100.',
    { value: '14', unit: '', label: 'backlog', bad: false },
  ],
  L3: [
    '10 streams and 10 exports finished. 0 bucket failures, 0 timeouts.',
    { value: '0', unit: '', label: 'failures', bad: false },
  ],
  C1: ['8 of 8 runs finished. 0 stuck, 0 duplicates.', { value: '0', unit: '', label: 'stuck', bad: false }],
  C2: ['4 streams reconnected, 1 failed cleanly.', { value: '0', unit: '', label: 'lost', bad: false }],
  C3: ['0 corrupted, 0 stuck runs.', { value: '0', unit: '', label: 'corrupted', bad: false }],
  REP: ['34 of 34 packs are intact.', { value: '0', unit: '', label: 'corrupt', bad: false }],
  BUCKET: ['214 of 214 artifacts lie in the bucket.', { value: '214', unit: '', label: 'in place', bad: false }],
};

export interface Script {
  number: number;
  environment: string;
  kind: Kind;
  drill: string | null;
  chaos: ChaosIntent;
  tests: TestId[];
  rows: PreflightRow[];
  /** Lines by the thousand, for a test of what the page can bear. */
  busy?: boolean;
  /** This computer has had no network for four seconds. */
  offline?: boolean;
}

interface Planned {
  id: TestId;
  from: number;
  to: number;
}

export class FakeCheck {
  readonly total: number;
  readonly startedAt: string;
  aborted: number | null = null;
  private readonly plan: Planned[] = [];
  private readonly faults: (LiveFault & { back: number; name: string })[] = [];
  private readonly intervals: IntervalPoint[] = [];
  private readonly backlog: BacklogPoint[] = [];
  private readonly lines: EventLine[] = [];
  private readonly logs: (LogLine & { at: number })[] = [];
  private readonly runs: RunBar[] = [];
  private sent = -1;
  private sentRuns = new Map<string, string>();
  private readonly preflightEnds: number;

  constructor(
    private readonly script: Script,
    started = new Date(),
  ) {
    this.startedAt = started.toISOString();
    const next = dice(script.number * 17);
    const scale = script.kind === 'rehearsal' ? 0.16 : 1;
    this.preflightEnds = 5_000 * scale + 1_000;
    let at = this.preflightEnds;
    for (const id of script.tests) {
      const takes = TAKES[id] * scale * (script.chaos === 'simulated' && AWAY[id] ? 0.25 : 1);
      this.plan.push({ id, from: at, to: at + takes });
      const away = AWAY[id];
      if (away) {
        const simulated = script.chaos === 'simulated';
        const begins = at + away[2] * scale * (simulated ? 0.25 : 1);
        const back = begins + away[3] * scale;
        this.faults.push({
          test: id,
          service: away[0],
          at_ms: begins,
          recovered_ms: simulated ? null : back,
          back,
          name: away[1],
          state: simulated ? 'simulated' : 'recovered',
          label: '',
        });
      }
      at += takes;
    }
    this.total = at + 2_000;
    this.fill(next);
  }

  private down(t: number): (LiveFault & { back: number; name: string }) | undefined {
    return this.faults.find((fault) => fault.state !== 'simulated' && t >= fault.at_ms && t < fault.back);
  }

  private fill(next: () => number): void {
    const { script } = this;
    let seq = 0;
    const line = (at_ms: number, kind: LineKind, test: TestId | null, text: string) => {
      this.lines.push({ seq, at_ms, kind, test, text });
      seq += 1;
    };
    line(
      0,
      'info',
      null,
      `Check ${script.number} started on ${script.environment}. ${script.chaos === 'real' ? 'Services will really be restarted.' : 'Nothing will be restarted.'}`,
    );
    line(this.preflightEnds, 'pass', null, `Preflight passed: ${script.rows.length} of ${script.rows.length}.`);
    for (const { id, from, to } of this.plan) {
      line(from, 'info', id, `${id} started.`);
      for (let t = Math.ceil(from / 1000) * 1000; t < to; t += 1000) {
        const fault = this.down(t);
        const noAnswer = fault?.service === 'api';
        const slow =
          id === 'L1' ? 1500 : id === 'L2' ? 700 + 500 * Math.sin(((t - from) / (to - from)) * Math.PI) : 210;
        const p50 = slow + next() * 40;
        if (id !== 'REP' && id !== 'BUCKET') {
          this.intervals.push({
            at_ms: t,
            ok: noAnswer ? 0 : Math.round(4 + next() * 5),
            failed: noAnswer ? 2 + Math.round(next()) : fault?.service === 'postgres' ? Math.round(next() * 2) : 0,
            p50_ms: noAnswer ? null : p50,
            p95_ms: noAnswer ? null : p50 * 1.5 + next() * 60,
            p99_ms: noAnswer ? null : p50 * 1.9 + next() * 90,
          });
        }
        const wave =
          id === 'L2'
            ? Math.round(14 * Math.sin(((t - from) / (to - from)) * Math.PI))
            : id === 'C1'
              ? fault
                ? 9
                : 4
              : 0;
        this.backlog.push({ at_ms: t, waiting: wave });
      }
      const count = { L1: 0, L2: 8, L3: 10, C1: 8, C2: 5, C3: 4, REP: 0, BUCKET: 0 }[id];
      const span = to - from;
      for (let k = 0; k < count; k += 1) {
        const created = from + span * 0.06 + k * span * 0.012;
        const executing = created + span * (0.06 + next() * 0.1);
        const ended = Math.min(to - span * 0.03, executing + span * (0.3 + next() * 0.45));
        this.runs.push({
          run_id: `${hex(next, 8)}`,
          test: id,
          created_ms: created,
          executing_ms: executing,
          ended_ms: ended,
          status: 'succeeded',
          stuck: false,
        });
      }
      const fault = this.faults.find((one) => one.test === id);
      if (fault?.state === 'simulated')
        line(fault.at_ms, 'simulated', id, `Nothing was restarted: the ${fault.name} restart is simulated.`);
      else if (fault) {
        line(fault.at_ms, 'fault', id, `${fault.name} restarted. Its identity was ${hex(next, 8)}.`);
        if (fault.back - fault.at_ms > 20_000)
          line(
            fault.at_ms + 36_000 * Math.min(1, (fault.back - fault.at_ms) / 65_000),
            'warning',
            id,
            `${fault.name} has not answered for 36 s. The last 5 checks took 63 to 66 s here.`,
          );
        line(
          fault.back,
          'back',
          id,
          `${fault.name} is back. Its identity is now ${hex(next, 8)}, so the restart really happened.`,
        );
        for (let k = 0; k < 4; k += 1)
          this.logs.push({
            at: fault.at_ms + k * 900,
            service: fault.service,
            test: id,
            text:
              [
                'Shutting down',
                'Waiting for connections to close',
                'Started server process [1]',
                'Application startup complete',
              ][k] ?? '',
          });
      }
      const simulated = fault?.state === 'simulated';
      line(
        to,
        simulated ? 'simulated' : 'pass',
        id,
        simulated ? 'Ended without its fault: nothing was restarted.' : END[id][0],
      );
    }
    if (script.busy)
      for (let k = 0; k < 6000; k += 1)
        line(k * 50, 'info', 'L2', `Run ${hex(next, 8)} answered in ${Math.round(next() * 900)} ms.`);
    this.lines.sort((a, b) => a.at_ms - b.at_ms);
    this.lines.forEach((one, k) => (one.seq = k));
  }

  /** The state at a moment. */
  state(t: number, saved = false): LiveState {
    const { script } = this;
    const stop = this.aborted;
    const touched = stop === null ? undefined : this.down(stop);
    const ends = stop === null ? this.total : (touched?.back ?? stop) + 1_500;
    const ended = t >= ends;
    const phase = ended
      ? 'ended'
      : stop !== null && t >= stop
        ? 'stopping'
        : t < this.preflightEnds
          ? 'preflight'
          : t >= this.total - 2_000
            ? 'finishing'
            : 'testing';
    const faults = this.faults
      .filter((fault) => fault.at_ms <= t && (stop === null || fault.at_ms <= stop))
      .map((fault): LiveFault => {
        const back = fault.back <= t;
        const seconds = Math.round(((back ? fault.back : t) - fault.at_ms) / 1000);
        return {
          test: fault.test,
          service: fault.service,
          at_ms: fault.at_ms,
          recovered_ms: fault.state !== 'simulated' && back ? fault.back : null,
          state: fault.state === 'simulated' ? 'simulated' : back ? 'recovered' : 'down',
          label:
            fault.state === 'simulated'
              ? `${fault.name}: simulated`
              : back
                ? `${fault.name} back in ${seconds} s`
                : `${fault.name} down ${seconds} s`,
        };
      });
    const fault = ended ? undefined : this.down(t);
    const now = Math.floor(t / 1000) * 1000;
    const all: TestId[] = ['L1', 'L2', 'L3', 'C1', 'C2', 'C3', 'REP', 'BUCKET'];
    const seen = this.runs.filter((run) => run.created_ms <= t);
    return {
      number: script.number,
      check_id: `${this.startedAt.slice(0, 10)}-${script.number}`,
      environment: script.environment,
      kind: script.kind,
      drill: script.drill,
      chaos: script.chaos,
      started_at: this.startedAt,
      elapsed_ms: Math.min(t, ends),
      remaining_ms: phase === 'testing' || phase === 'preflight' ? Math.max(0, this.total - t) : null,
      phase,
      tests: all.map((id) => {
        const planned = this.plan.find((one) => one.id === id);
        const away = faults.find((one) => one.test === id);
        const over = stop !== null && t >= stop;
        let state: TestState = 'not_planned';
        if (planned) {
          if (t >= planned.to && !(over && planned.to > (stop ?? 0)))
            state = away?.state === 'simulated' ? 'simulated' : 'passed';
          else if (t >= planned.from && !(over && planned.from > (stop ?? 0))) state = over ? 'aborted' : 'running';
          else state = 'waiting';
        }
        const running = state === 'running';
        const done = state === 'passed';
        const elapsed = planned ? Math.min(t, planned.to) - planned.from : 0;
        const figure: Figure | null =
          state === 'simulated'
            ? { value: 'no restart', unit: '', label: '', bad: false }
            : running && away
              ? {
                  value: String(Math.round(((away.recovered_ms ?? t) - away.at_ms) / 1000)),
                  unit: 's',
                  label: away.recovered_ms === null ? 'down' : 'back in',
                  bad: false,
                }
              : done
                ? END[id][1]
                : null;
        return {
          id,
          title: TITLE[id],
          state,
          began_ms: planned && t >= planned.from ? planned.from : null,
          elapsed_ms: planned && t >= planned.from ? elapsed : null,
          estimate_ms: planned ? planned.to - planned.from : TAKES[id],
          progress:
            running && planned
              ? {
                  done: Math.floor((elapsed / (planned.to - planned.from)) * 20),
                  total: 20,
                  doing: away && away.recovered_ms === null ? `waiting for the ${away.service}` : 'sending',
                }
              : null,
          figure,
        };
      }),
      preflight: script.rows.slice(
        0,
        Math.floor((Math.min(t, this.preflightEnds) / this.preflightEnds) * script.rows.length),
      ),
      faults,
      runs: {
        created: seen.length,
        waiting: seen.filter((run) => (run.executing_ms ?? Infinity) > t).length,
        executing: seen.filter((run) => (run.executing_ms ?? Infinity) <= t && (run.ended_ms ?? Infinity) > t).length,
        finished: seen.filter((run) => (run.ended_ms ?? Infinity) <= t).length,
        failed: 0,
        stuck: 0,
      },
      backlog_now: this.backlog.find((point) => point.at_ms === now)?.waiting ?? null,
      backlog_peak: this.backlog
        .filter((point) => point.at_ms <= t)
        .reduce<number | null>((most, point) => Math.max(most ?? 0, point.waiting), null),
      backlog_limit: 100,
      p95_limit_ms: 5000,
      waiting_for: fault
        ? `${fault.name} has not answered for ${Math.round((t - fault.at_ms) / 1000)} s. The last 5 checks took 63 to 66 s here.`
        : null,
      offline_since_ms: script.offline ? t - 4_000 : null,
      saved,
    };
  }

  /** What is new since the last message; `whole` begins again. */
  message(t: number, whole: boolean, saved = false): Live {
    if (whole) {
      this.sent = -1;
      this.sentRuns.clear();
    }
    const stop = this.aborted ?? Infinity;
    const fresh = <T extends object>(list: T[], at: (one: T) => number) =>
      list.filter((one) => at(one) > this.sent && at(one) <= t && at(one) <= stop);
    const runs: RunBar[] = [];
    for (const run of this.runs) {
      if (run.created_ms > t || run.created_ms > stop) continue;
      const executing = (run.executing_ms ?? Infinity) <= t;
      const ended = (run.ended_ms ?? Infinity) <= t;
      const now: RunBar = {
        ...run,
        executing_ms: executing ? run.executing_ms : null,
        ended_ms: ended ? run.ended_ms : null,
        status: ended ? 'succeeded' : executing ? 'running' : 'queued',
      };
      if (this.sentRuns.get(run.run_id) !== now.status) {
        this.sentRuns.set(run.run_id, now.status);
        runs.push(now);
      }
    }
    const out: Live = {
      whole,
      state: this.state(t, saved),
      intervals: fresh(this.intervals, (one) => one.at_ms),
      backlog: fresh(this.backlog, (one) => one.at_ms),
      lines: fresh(this.lines, (one) => one.at_ms),
      logs: fresh(this.logs, (one) => one.at).map(({ service, test, text }) => ({ service, test, text })),
      runs,
    };
    this.sent = t;
    return out;
  }

  /** Whether it is over at a moment. */
  over(t: number): boolean {
    return this.state(t).phase === 'ended';
  }
}

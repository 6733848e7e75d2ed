/**
 * The running check as the page holds it: `Live` messages merged. The first message holds everything and replaces; later
 * ones append. Memory is bounded, and what is drawn is told of changes no oftener than it can use them: numbers with every
 * message (Rust sends at most four a second), charts about once a second.
 */
import type { BacklogPoint } from '../host/types/BacklogPoint';
import type { EventLine } from '../host/types/EventLine';
import type { IntervalPoint } from '../host/types/IntervalPoint';
import type { Live } from '../host/types/Live';
import type { LiveState } from '../host/types/LiveState';
import type { LogLine } from '../host/types/LogLine';
import type { RunBar } from '../host/types/RunBar';
import type { TestState } from '../host/types/TestState';

/** How much is kept of each list; the journal on the disk keeps everything. */
export const KEEP = { intervals: 10_800, backlog: 10_800, lines: 4_000, logs: 4_000, runs: 2_000 } as const;

const CHART_EVERY = 1000;
/** A message that comes this little before its time takes the charts along: drawing twice costs twice. */
const NEARLY = 250;
const ENDED = new Set<TestState>(['passed', 'failed', 'unproven', 'simulated', 'aborted']);
const WORD: Partial<Record<TestState, string>> = {
  passed: 'passed',
  failed: 'failed',
  unproven: 'ended, not proven',
  simulated: 'ended, simulated',
  aborted: 'was aborted',
};

export class LiveModel {
  state = $state.raw<LiveState | null>(null);
  /** Grows with every line and log line. */
  lineCount = $state(0);
  /** Grows when charts should be drawn again, at most once a second. */
  chart = $state(0);
  /** When the last message came, on the page's own clock. */
  heard = 0;
  /** Lines that were given up for memory. */
  dropped = 0;

  readonly intervals: IntervalPoint[] = [];
  readonly backlog: BacklogPoint[] = [];
  readonly lines: EventLine[] = [];
  readonly logs: LogLine[] = [];
  private readonly byId = new Map<string, RunBar>();
  private drawn = -Infinity;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly say: (text: string) => void = () => undefined,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Runs by the time they were created. */
  get runs(): RunBar[] {
    return [...this.byId.values()].sort((a, b) => a.created_ms - b.created_ms);
  }

  take(live: Live): void {
    const before = this.state;
    if (live.whole) {
      this.intervals.length = this.backlog.length = this.lines.length = this.logs.length = 0;
      this.byId.clear();
      this.dropped = 0;
    }
    this.append(this.intervals, live.intervals, KEEP.intervals);
    this.append(this.backlog, live.backlog, KEEP.backlog);
    this.dropped += this.append(this.lines, live.lines, KEEP.lines);
    this.append(this.logs, live.logs, KEEP.logs);
    for (const run of live.runs) this.byId.set(run.run_id, run);
    this.forgetRuns();
    this.heard = this.now();
    this.state = live.state;
    if (live.lines.length > 0 || live.logs.length > 0 || live.whole) this.lineCount += 1;
    if (!live.whole && before) this.tell(before, live.state);
    this.redraw(live.whole || before?.phase !== live.state.phase || before.faults.length !== live.state.faults.length);
  }

  /** No more messages. */
  end(): void {
    clearTimeout(this.timer);
  }

  /** Milliseconds of the check now: the last message's, and what has passed since, for the clock goes on. */
  elapsed(): number {
    const state = this.state;
    if (!state) return 0;
    return state.phase === 'ended' ? state.elapsed_ms : state.elapsed_ms + Math.max(0, this.now() - this.heard);
  }

  /** Appends and cuts at the front; a tenth at a time, so that not every message moves the whole list. */
  private append<T>(to: T[], more: T[], keep: number): number {
    for (const one of more) to.push(one);
    if (to.length <= keep) return 0;
    const cut = to.length - keep + Math.floor(keep / 10);
    to.splice(0, cut);
    return cut;
  }

  /** Ended runs go first, oldest first; a run that is open or stuck is never forgotten for one that ended well. */
  private forgetRuns(): void {
    if (this.byId.size <= KEEP.runs) return;
    const ended = this.runs.filter((run) => run.ended_ms !== null && !run.stuck);
    const cut = this.byId.size - KEEP.runs + KEEP.runs / 10;
    for (const run of ended.slice(0, cut)) this.byId.delete(run.run_id);
  }

  /** Reads out tests that ended. */
  private tell(before: LiveState, after: LiveState): void {
    const said = after.tests.flatMap((test, k) => {
      const was = before.tests[k]?.state;
      if (was === test.state || !ENDED.has(test.state)) return [];
      const figure = test.figure ? `, ${test.figure.label} ${test.figure.value} ${test.figure.unit}` : '';
      return [`${test.id} ${WORD[test.state] ?? test.state}${figure}.`];
    });
    if (said.length > 0) this.say(said.join(' '));
    else if (before.phase !== after.phase && after.phase === 'stopping') this.say('Stopping. No more load is sent.');
  }

  private redraw(soon: boolean): void {
    const wait = soon ? 0 : this.drawn + CHART_EVERY - this.now();
    if (wait <= NEARLY) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.drawn = this.now();
      this.chart += 1;
    } else {
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        this.drawn = this.now();
        this.chart += 1;
      }, wait);
    }
  }
}

/**
 * The preflight of an environment as the page knows it. It asks the environment for real (a run, a probe of the bucket), so
 * an answer is kept for a minute, and an environment nobody has set up is not asked until a person says so.
 */
import type { Host } from '../host/host';
import type { PreflightReport } from '../host/types/PreflightReport';
import type { Problem } from '../host/types/Problem';
import { asProblem } from '../history/problem';

const FRESH = 60_000;

export class Preflight {
  asking = $state(false);
  report = $state.raw<PreflightReport | null>(null);
  problem = $state.raw<Problem | null>(null);
  private at = -Infinity;
  private round = 0;

  constructor(
    private readonly door: Host,
    private readonly environment: string,
    private readonly simulate: boolean,
  ) {}

  /** Whether the answer is too old to rest on. */
  get stale(): boolean {
    return performance.now() - this.at > FRESH;
  }

  async ask(): Promise<void> {
    this.round += 1;
    const round = this.round;
    this.asking = true;
    this.problem = null;
    try {
      const report = await this.door.preflight(this.environment, this.simulate);
      if (round !== this.round) return;
      this.report = report;
      this.at = performance.now();
    } catch (thrown) {
      if (round !== this.round) return;
      this.report = null;
      this.problem = asProblem(thrown);
    } finally {
      if (round === this.round) this.asking = false;
    }
  }
}

const kept = new WeakMap<Host, Map<string, Preflight>>();

/** The preflight of an environment, with or without restarts in mind. */
export function preflightOf(door: Host, environment: string, simulate: boolean): Preflight {
  const mine = kept.get(door) ?? new Map<string, Preflight>();
  kept.set(door, mine);
  const key = `${simulate ? 's' : 'r'} ${environment}`;
  const known = mine.get(key) ?? new Preflight(door, environment, simulate);
  mine.set(key, known);
  return known;
}

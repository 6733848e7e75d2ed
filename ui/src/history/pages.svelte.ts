/**
 * Saved checks, fetched a page at a time as they scroll into view, so that a history of thousands opens at once.
 * A change of the question forgets the pages; answers to an older question are dropped.
 */
import { SvelteMap } from 'svelte/reactivity';
import type { Host } from '../host/host';
import type { CheckSummary } from '../host/types/CheckSummary';
import type { ChecksQuery } from '../host/types/ChecksQuery';
import type { Problem } from '../host/types/Problem';
import { asProblem } from './problem';

/** Rows of one request; Rust gives at most 200. */
export const PAGE = 100;

export type Question = Pick<ChecksQuery, 'verdict' | 'environment' | 'text'>;

export class CheckPages {
  /** How many checks are kept at all; null before the first answer. */
  total = $state<number | null>(null);
  /** How many match the question. */
  matching = $state(0);
  problem = $state<Problem | null>(null);
  /** Whether the first page of the newest question is still on its way. */
  asking = $state(true);

  private readonly pages = new SvelteMap<number, CheckSummary[]>();
  private readonly underway = new Set<number>();
  private question: Question = { verdict: null, environment: null, text: '' };
  private round = 0;

  constructor(private readonly host: Host) {}

  /** Asks anew. The rows of the last question stay until the first answer, so that typing does not flicker. */
  async ask(question: Question): Promise<void> {
    this.question = question;
    this.round += 1;
    this.underway.clear();
    this.asking = true;
    await this.fetch(0, true);
  }

  /** Asks the same again, after a refusal. */
  again(): Promise<void> {
    return this.ask(this.question);
  }

  /** Makes sure that these rows are there or on their way. */
  need(from: number, to: number): void {
    if (this.asking) return;
    for (let page = Math.floor(from / PAGE); page * PAGE < Math.min(to, this.matching); page += 1) {
      if (!this.pages.has(page) && !this.underway.has(page)) void this.fetch(page, false);
    }
  }

  /** A row, if it is there. */
  row(index: number): CheckSummary | undefined {
    return this.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  private async fetch(page: number, first: boolean): Promise<void> {
    const round = this.round;
    this.underway.add(page);
    try {
      const answer = await this.host.checks({ ...this.question, offset: page * PAGE, limit: PAGE });
      if (round !== this.round) return;
      if (first) this.pages.clear();
      this.pages.set(page, answer.checks);
      this.total = answer.total;
      this.matching = answer.matching;
      this.problem = null;
    } catch (thrown) {
      if (round !== this.round) return;
      this.problem = asProblem(thrown);
    } finally {
      if (round === this.round) {
        this.underway.delete(page);
        if (first) this.asking = false;
      }
    }
  }
}

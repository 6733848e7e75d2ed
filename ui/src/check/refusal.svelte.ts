// Why a start was refused: told where it was asked for, or as a message on the frame when the person has left that place.
import { onDestroy } from 'svelte';

import { asProblem } from '../history/problem';
import type { Problem } from '../host/types/Problem';
import { app } from '../state.svelte';

export class Refusal {
  problem = $state.raw<Problem | null>(null);
  private here = true;

  /** Belongs to the component that makes it. */
  constructor() {
    onDestroy(() => (this.here = false));
  }

  tell(thrown: unknown): void {
    const problem = asProblem(thrown);
    if (this.here) this.problem = problem;
    else app.fail(problem);
  }

  clear(): void {
    this.problem = null;
  }
}

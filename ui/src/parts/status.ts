/** The mark and the word of a state: shape and word carry it, colour is the third cue. */
import type { TestState } from '../host/types/TestState';

export type Shown = TestState | 'slow' | 'warning';

export const STATUS: Record<Shown, { mark: string; tone: string; word: string }> = {
  not_planned: { mark: 'skip', tone: 'skip', word: 'Not run' },
  waiting: { mark: 'wait', tone: 'wait', word: 'Waiting' },
  running: { mark: 'run', tone: 'run', word: 'Running' },
  passed: { mark: 'pass', tone: 'pass', word: 'Pass' },
  failed: { mark: 'fail', tone: 'fail', word: 'Fail' },
  unproven: { mark: 'unproven', tone: 'warn', word: 'Not proven' },
  simulated: { mark: 'sim', tone: 'sim', word: 'Simulated' },
  aborted: { mark: 'stop', tone: 'stop', word: 'Aborted' },
  slow: { mark: 'warn', tone: 'warn', word: 'Slow' },
  warning: { mark: 'warn', tone: 'warn', word: 'Warning' },
};

/** A state this page does not know is never shown as a pass. */
export function statusOf(state: Shown): { mark: string; tone: string; word: string } {
  return STATUS[state] ?? STATUS.unproven;
}

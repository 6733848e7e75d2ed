import type { Problem } from '../host/types/Problem';

/**
 * What was thrown as a `Problem`. The door to Rust always refuses with one; anything else is a fault of the page itself
 * and must still be shown as something a person can act on.
 */
export function asProblem(thrown: unknown): Problem {
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown && 'code' in thrown)
    return thrown as Problem;
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return {
    code: 'page.failed',
    message: 'This page failed.',
    why,
    remedy: 'Try again. If it happens again, restart Holdpoint; nothing recorded is lost.',
    fields: [],
  };
}

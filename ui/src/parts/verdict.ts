/**
 * The words of a verdict. There is one function for them, it takes everything that qualifies a GO, and it cannot answer
 * with the word alone where something does.
 */
import type { ChaosMode } from '../host/types/ChaosMode';
import type { NoVerdict } from '../host/types/NoVerdict';
import type { Word } from '../host/types/Word';
import { plural } from './format';

export interface Labels {
  word: Word;
  chaos: ChaosMode;
  rehearsal: boolean;
  noVerdict?: NoVerdict | null | undefined;
  scope: string;
  waivers?: number | undefined;
  looser?: number | undefined;
}

export interface Worded {
  /** Which drawing and colours. */
  look: 'go' | 'waived' | 'nogo' | 'sim' | 'nosim' | 'none';
  mark: string;
  /** GO, NO-GO, No verdict. */
  word: string;
  /** What belongs to the word itself; may be empty. */
  qualifier: string;
  /** What is said beside it. */
  tags: string[];
  /** All of it in one line. */
  line: string;
}

/** Why there is no verdict, in two or three words. */
export function reasonOf(reason: NoVerdict | null | undefined, scope: string): string {
  switch (reason?.reason) {
    case 'cut_off':
      return 'cut off';
    case 'aborted':
      return 'aborted';
    case 'not_ready':
      return reason.misconfigured ? 'misconfigured' : 'not ready';
    case 'part_of_suite':
      return scope;
    case 'unfit_generator':
      return 'unfit computer';
    case 'unproven':
      return 'not proven';
    default:
      return scope === 'all tests' ? '' : scope;
  }
}

export function verdictWords(of: Labels): Worded {
  const simulated = of.chaos === 'simulated';
  const part = of.scope !== 'all tests' ? of.scope : '';
  const says: string[] = [];
  let [look, mark, word]: [Worded['look'], string, string] = ['none', 'skip', 'No verdict'];
  if (of.word === 'go') {
    word = 'GO';
    // A GO is only drawn in green when the whole suite ran with real restarts; Rust never says otherwise, and this page
    // would not believe it. A GO that rests on a waiver has no tick either: not every criterion is met.
    [look, mark] = of.chaos !== 'real' || part ? ['sim', 'sim'] : of.waivers ? ['waived', 'waived'] : ['go', 'pass'];
    if (of.chaos === 'not_run') says.push('chaos not run');
    if (part) says.push(part);
  } else if (of.word === 'no_go') {
    [look, mark, word] = [simulated ? 'nosim' : 'nogo', 'fail', 'NO-GO'];
    if (part) says.push(part);
  } else {
    const reason = reasonOf(of.noVerdict, of.scope);
    if (reason) says.push(reason);
  }
  if (simulated) says.push('chaos simulated');
  if (of.waivers) says.push(`with ${plural(of.waivers, 'waiver')}`);
  const tags: string[] = [];
  if (of.looser) tags.push(`${plural(of.looser, 'limit')} looser`);
  if (of.rehearsal) tags.push('rehearsal');
  const qualifier = says.join(', ');
  return { look, mark, word, qualifier, tags, line: [word, ...says, ...tags].join(', ') };
}

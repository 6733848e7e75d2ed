/** The drills of the fake. */
import type { Drill } from '../types/Drill';
import type { TestId } from '../types/TestId';
import type { Word } from '../types/Word';

type Row = [string | null, string, string, TestId[], Word, string, boolean?];

const ROWS: Row[] = [
  [null, 'Healthy', 'Nothing', [], 'go', 'whole system'],
  ['no-token', 'No token', 'Restarts are simulated, so nothing is proven about them', [], 'go', 'whole system', true],
  [
    'g1',
    'First generation',
    'An API that lacks what half of the tests need',
    ['L1', 'L2', 'C1'],
    'no_go',
    'whole system',
  ],
  ['slow-expansion', 'Slow expansion', 'Node expansion takes over 5 s', ['L1'], 'no_go', 'load'],
  ['failing-auto-tune', 'Failing auto-tune', 'One in ten auto-tunes answers 500', ['L2'], 'no_go', 'load'],
  ['long-queue', 'Long queue', 'Jobs pile up faster than the worker takes them', ['L2'], 'no_go', 'load'],
  [
    'silent-streams',
    'Silent streams',
    'A replay stream goes quiet and never ends',
    ['L3'],
    'no_go',
    'streaming and storage',
  ],
  ['empty-exports', 'Empty exports', 'Exports end well and hold nothing', ['L3'], 'no_go', 'streaming and storage'],
  ['worker-loses-runs', 'Worker loses runs', 'A restart drops what was running', ['C1'], 'no_go', 'chaos'],
  ['runs-twice', 'Runs done twice', 'A restart repeats finished runs', ['C1'], 'no_go', 'chaos'],
  ['streams-hang', 'Streams hang', 'An API restart leaves streams open and silent', ['C2'], 'no_go', 'chaos'],
  ['lost-writes', 'Lost writes', 'The database forgets rows it has acknowledged', ['C3'], 'no_go', 'chaos'],
  ['corrupt-evidence', 'Corrupted evidence', 'One trace file is cut short', ['REP'], 'no_go', 'evidence'],
  ['missing-packs', 'Missing packs', 'A run leaves no evidence pack', ['REP'], 'no_go', 'evidence'],
  ['wrong-bucket', 'Wrong bucket', 'Two artifacts land in another bucket', ['BUCKET'], 'no_go', 'evidence'],
];

/** Every drill, the healthy rehearsal first. */
export function drillRows(): Drill[] {
  return ROWS.map(([name, title, what, caught_by, ends_in, group, simulated]) => ({
    name,
    title,
    what,
    caught_by,
    ends_in,
    simulated: simulated ?? false,
    group,
  }));
}

/** Some topics of the guide; the product's come from Rust. */
import type { Topic } from '../types/Topic';

export function topics(): Topic[] {
  return [
    {
      id: 'start',
      title: 'How a check works',
      about: ['Holdpoint answers GO, NO-GO or NO VERDICT to one question: may this release leave staging?'],
      entries: [['Preflight', 'Looks whether the environment is ready. Nothing is changed until then.']],
    },
    {
      id: 'l1',
      title: 'L1, node expansion',
      about: ['20 expansions at a time, three rounds, against the universe map.'],
      entries: [
        ['L1.p95', '95 of 100 expansions answer within the limit. Measured by nearest rank over the answered ones.'],
        ['latency.p95', 'Wait until the service is warm and has its usual size, then run again.'],
      ],
    },
    {
      id: 'c1',
      title: 'C1, worker restart',
      about: ['Eight runs are started, and the worker is restarted while they are under way.'],
      entries: [
        ['C1.stuck', 'Every run ends.'],
        ['run.stuck', 'Look at the worker’s log at the time in the witness.'],
      ],
    },
  ];
}

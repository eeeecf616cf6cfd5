import { expect, it } from 'vitest';
import { type ActiveJob, type IdleRunner, pickJob, type QueuedJob } from '../../src/dispatch/pick-job.ts';

const runner = { labels: ['linux'], capabilities: ['kubectl'] };
const queued = (id: string, changes: Partial<QueuedJob> = {}): QueuedJob => ({
  repoId: 1,
  repository: 'acme/site',
  id,
  runsOn: [],
  requires: [],
  touches: [],
  concurrency: null,
  ...changes,
});
const active = (changes: Partial<ActiveJob>): ActiveJob => ({
  repoId: 1,
  touches: [],
  effect: 'read',
  concurrency: null,
  ...changes,
});

it.each<[string, QueuedJob[], ActiveJob[], string | undefined]>([
  ['the first', [queued('a'), queued('b')], [], 'a'],
  ['none of none', [], [], undefined],
  [
    'the first that suits',
    [queued('a', { runsOn: ['macos'] }), queued('b', { requires: ['kubectl'] })],
    [],
    'b',
  ],
  ['none that needs more', [queued('a', { requires: ['kubectl', 'codex'] })], [], undefined],
  [
    'past one whose key is held',
    [queued('a', { concurrency: 'x' }), queued('b')],
    [active({ concurrency: 'x' })],
    'b',
  ],
  [
    'one whose key is held elsewhere',
    [queued('a', { concurrency: 'x' })],
    [active({ concurrency: 'x', repoId: 2 })],
    'a',
  ],
  ['one with another key', [queued('a', { concurrency: 'x' })], [active({ concurrency: 'y' })], 'a'],
  [
    'none whose object is being changed',
    [queued('a', { touches: ['gke'] })],
    [active({ touches: ['gke'], effect: 'change' })],
    undefined,
  ],
  [
    'one whose object is being read',
    [queued('a', { touches: ['gke'] })],
    [active({ touches: ['gke'] })],
    'a',
  ],
  [
    'one that touches something else',
    [queued('a', { touches: ['db'] })],
    [active({ touches: ['gke'], effect: 'change' })],
    'a',
  ],
])('picks %s', (_name, jobs, others, expected) => {
  expect(pickJob(jobs, others, runner)?.id).toBe(expected);
});

it.each<[string, Partial<IdleRunner>, string | undefined]>([
  ['a runner wished for more is idle', {}, undefined],
  ['it is of another repository', { repositories: ['acme/other'] }, 'a'],
  ['it has not what the job requires', { capabilities: [] }, 'a'],
  ['it is wished for as much', { labels: ['linux'] }, 'a'],
  ['it is not wished for', { labels: ['windows'] }, 'a'],
])('leaves a job to others when %s', (_name, change, expected) => {
  const job = queued('a', { runsOn: ['mac', 'linux'], requires: ['kubectl'] });
  const mac = { labels: ['mac'], capabilities: ['kubectl'], repositories: ['acme/site'], ...change };
  expect(pickJob([job], [], runner, [mac])?.id).toBe(expected);
});

import { describe, expect, it } from 'vitest';
import { judgePod } from '../../../src/runner/kubernetes/judge-pod.ts';

const job = (condition?: object) => ({
  spec: { activeDeadlineSeconds: 460, template: {} },
  status: { conditions: condition === undefined ? [] : [{ type: 'Failed', status: 'True', ...condition }] },
});
const pod = (status: object, metadata: object = {}) => ({ metadata: { name: 'p', ...metadata }, status });
const state = (of: object) => ({ containerStatuses: [{ name: 'job', state: of }] });
const over = (exitCode: number, reason = 'Error') => state({ terminated: { exitCode, reason } });

describe('judgePod', () => {
  it.each([
    ['no pod yet', job(), [], null, { kind: 'waiting' }],
    ['no Job', null, [], null, { kind: 'gone', why: 'its Job was deleted' }],
    [
      'a quota in the way',
      job({ reason: 'BackoffLimitExceeded', message: 'quota' }),
      [],
      null,
      { kind: 'gone', why: 'its Job failed (BackoffLimitExceeded: quota)' },
    ],
    ['pending', job(), [pod({ phase: 'Pending' })], null, { kind: 'waiting', why: 'Pending' }],
    [
      'no room',
      job(),
      [pod({ conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes' }] })],
      null,
      { kind: 'waiting', why: 'no node has room (0/3 nodes)' },
    ],
    [
      'a first failure to pull',
      job(),
      [pod(state({ waiting: { reason: 'ErrImagePull' } }))],
      null,
      { kind: 'waiting', why: 'ErrImagePull' },
    ],
    [
      'another failure to pull',
      job(),
      [pod(state({ waiting: { reason: 'ImagePullBackOff', message: 'no such image' } }))],
      null,
      { kind: 'hopeless', why: 'the image cannot be pulled (ImagePullBackOff: no such image)' },
    ],
    [
      'a program that is not in the image',
      job(),
      [pod(state({ terminated: { exitCode: 128, reason: 'StartError', message: 'no bash' } }))],
      null,
      { kind: 'hopeless', why: 'the container cannot be started (no bash)' },
    ],
    ['running', job(), [pod(state({ running: {} }))], null, { kind: 'running', pod: 'p' }],
    ['ended', job(), [pod(over(3))], 'p', { kind: 'ended', exitCode: 3, oomKilled: false, why: null }],
    ['out of memory', job(), [pod(over(137, 'OOMKilled'))], 'p', { kind: 'ended', oomKilled: true }],
    [
      'evicted without a word of its container',
      job(),
      [pod({ phase: 'Failed', reason: 'Evicted', message: 'low on memory' })],
      'p',
      { kind: 'gone', why: 'its pod was evicted (low on memory)' },
    ],
    [
      'preempted',
      job(),
      [
        pod({
          ...over(143),
          conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }],
        }),
      ],
      'p',
      { kind: 'ended', why: 'its pod was taken away (PreemptionByScheduler)' },
    ],
    [
      'ended while it was deleted',
      job(),
      [pod(over(143), { deletionTimestamp: '2025-11-22T00:00:00Z' })],
      'p',
      { kind: 'ended', why: 'its pod was deleted' },
    ],
    ['deleted', job(), [], 'p', { kind: 'gone', why: 'its pod was deleted' }],
    [
      'past the deadline',
      job({ reason: 'DeadlineExceeded' }),
      [],
      'p',
      { kind: 'gone', why: 'its Job ran into activeDeadlineSeconds (460)' },
    ],
  ])('sees %s', (_name, ofJob, pods, before, expected) => {
    // The shapes are what the API server sends, as far as they are read.
    const seen = JSON.parse(JSON.stringify({ job: ofJob, pods }));
    expect(judgePod(seen, before)).toMatchObject(expected);
  });

  it('holds on to the pod it has seen, whatever other comes', () => {
    const other = pod(state({ running: {} }), { name: 'q', creationTimestamp: '2025-01-01T00:00:00Z' });
    const seen = JSON.parse(JSON.stringify({ job: job(), pods: [other] }));
    expect(judgePod(seen, 'p')).toEqual({ kind: 'gone', why: 'its pod was deleted' });
  });
});

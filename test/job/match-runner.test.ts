import { describe, expect, it } from 'vitest';
import { suits } from '../../src/job/match-runner.ts';

const RUNNER = { labels: ['devbox', 'linux'], capabilities: ['kubectl', 'git'] };

describe('suits', () => {
  it.each([
    [{}, true],
    [{ runs_on: [], requires: [] }, true],
    [{ runs_on: ['gke', 'devbox'] }, true],
    [{ runs_on: ['gke', 'mac'] }, false],
    [{ runs_on: ['Devbox'] }, false],
    [{ requires: ['git', 'kubectl'] }, true],
    [{ requires: ['git', 'codex'] }, false],
    [{ runs_on: ['devbox'], requires: ['codex'] }, false],
    [{ requires: ['devbox'] }, false],
  ])('says of %j: %s', (job, expected) => {
    expect(suits(job, RUNNER)).toBe(expected);
  });
});

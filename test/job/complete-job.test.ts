import { describe, expect, it } from 'vitest';
import { completeJob } from '../../src/job/complete-job.ts';
import { parseJob } from '../../src/job/parse-job.ts';

const ID = '2025-11-22-004';

describe('completeJob', () => {
  it('writes a whole file from a script and the defaults, in the order of the design', () => {
    const asked = { thread: 7, comment: 'c99', login: 'mona', commit: 'a'.repeat(40) };
    const done = completeJob(
      { script: ['make test'], title: 'Run the tests', why: ['to see'], runs_on: [] },
      { id: ID, defaults: { workdir: '/w', runs_on: ['mac'] }, asked },
    );
    expect(done).toMatchObject({ ok: true, job: { id: ID, workdir: '/w', idempotent: false, asked } });
    expect(done.ok && done.text).toBe(`{
  "id": "2025-11-22-004",
  "kind": "run_shell",
  "workdir": "/w",
  "script": [
    "make test"
  ],
  "dod": "exit_code == 0",
  "report_path": "reports/jobs/2025-11-22-004.out",
  "title": "Run the tests",
  "why": [
    "to see"
  ],
  "timeout_minutes": 30,
  "asked": {
    "thread": 7,
    "comment": "c99",
    "login": "mona",
    "commit": "${'a'.repeat(40)}"
  }
}
`);
  });

  it('writes what parseJob reads back as the same job with the same digest', () => {
    const done = completeJob({ script: ['a'], idempotent: true }, { id: ID, defaults: { workdir: '/w' } });
    if (!done.ok) throw new Error('expected a job');
    expect(parseJob(done.text, { path: `jobs/queue/${ID}.json` })).toEqual(done);
    expect(done.job.idempotent).toBe(true);
  });

  it('prefers what is given to the defaults', () => {
    const own = {
      workdir: '/own',
      dod: 'true',
      timeout_minutes: 1,
      runs_on: ['b'],
      report_path: 'reports/x.out',
    };
    const defaults = { workdir: '/w', dod: 'false', timeout_minutes: 9, runs_on: ['a'] };
    expect(completeJob({ script: ['a'], ...own }, { id: ID, defaults })).toMatchObject({
      ok: true,
      job: own,
    });
    expect(completeJob({ script: ['a'] }, { id: ID, defaults })).toMatchObject({ ok: true, job: defaults });
  });

  it('says where a missing workdir can be set', () => {
    expect(completeJob({ script: ['a'] }, { id: ID, defaults: {} })).toEqual({
      ok: false,
      errors: [
        { field: 'workdir', message: expect.stringContaining('`defaults.workdir` in .github/guruguru.yml') },
      ],
    });
  });

  it('hands on what parseJob finds', () => {
    const done = completeJob(
      { script: [], report_path: '../../etc/x', dod: 'exit_code = 0' },
      { id: ID, defaults: { workdir: '/w' } },
    );
    const fields = done.ok ? [] : done.errors.map(({ field }) => field);
    expect(fields).toEqual(['script', 'dod', 'report_path']);
  });

  it('passes an unknown field on to be refused by name', () => {
    const partial = { script: ['a'], prompt: 'x' };
    expect(completeJob(partial, { id: ID, defaults: { workdir: '/w' } })).toMatchObject({
      ok: false,
      errors: [{ field: 'prompt' }],
    });
  });
});

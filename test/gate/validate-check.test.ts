import { describe, expect, it } from 'vitest';
import { renderValidateCheck, type ValidateCheckView } from '../../src/gate/validate-check.ts';
import type { Finding } from '../../src/job/finding.ts';

const failure: Finding = {
  rule: 'job/schema',
  severity: 'failure',
  path: 'jobs/queue/2025-11-22-001.json',
  line: 5,
  column: 7,
  field: 'workdir',
  message: 'must be absolute',
};
const warning: Finding = { ...failure, severity: 'warning', rule: 'policy/pipe', message: 'look at it' };
const view: ValidateCheckView = {
  language: 'en',
  timeZone: 'UTC',
  trigger: '/ask',
  findings: [],
  jobs: [{ id: '2025-11-22-001', title: 'Smoke', match: { runner: 'devbox', wants: [] } }],
  schedules: [],
  goals: [],
  pull: 'job',
  dispatch: 'app',
};
const names = (of: ValidateCheckView) => renderValidateCheck(of).actions.map((action) => action.identifier);

describe('renderValidateCheck', () => {
  it('passes a valid job PR, with its buttons', () => {
    const check = renderValidateCheck(view);
    expect(check).toMatchObject({ conclusion: 'success', title: 'Valid job', annotations: [] });
    expect(check.summary).toBe('- `2025-11-22-001` Smoke: `devbox` is live and will take it');
    expect(names(view)).toEqual(['approve', 'cancel']);
  });

  it('fails for a failure, on its line, and cannot be approved', () => {
    const check = renderValidateCheck({ ...view, findings: [warning, failure] });
    expect(check).toMatchObject({ conclusion: 'failure', title: '1 mistake in the job files' });
    expect(check.summary).toMatch(
      /^Correct the lines marked .*\n\n- ❌ .* line 5, column 7, `workdir`: must be absolute/,
    );
    expect(check.annotations).toHaveLength(2);
    expect(check.annotations[1]).toEqual({
      path: failure.path,
      start_line: 5,
      end_line: 5,
      start_column: 7,
      end_column: 7,
      annotation_level: 'failure',
      title: 'workdir',
      message: 'must be absolute',
    });
    expect(names({ ...view, findings: [failure] })).toEqual(['cancel']);
  });

  it('titles a finding of the policy with its rule and effect', () => {
    const denied = { ...failure, rule: 'policy/sudo', field: 'script[1]' };
    const titles = renderValidateCheck({ ...view, findings: [warning, denied] }).annotations.map(
      (a) => a.title,
    );
    expect(titles).toEqual(['policy/pipe: warn (workdir)', 'policy/sudo: deny (script[1])']);
  });

  it('only warns of warnings and of a missing runner', () => {
    const jobs = [{ id: '2025-11-22-001', match: { runner: null, wants: ['mac'] } }];
    const check = renderValidateCheck({ ...view, findings: [warning], jobs });
    expect(check).toMatchObject({ conclusion: 'success', title: 'Valid job, 1 warning' });
    expect(check.summary).toContain('⚠️ no live runner suits it (it wants `mac`); it would wait');
  });

  it('has no buttons where they would apply to nothing', () => {
    expect(names({ ...view, pull: 'other' })).toEqual([]);
    const none = renderValidateCheck({ ...view, jobs: [], pull: 'none' });
    expect(none).toMatchObject({ conclusion: 'success', title: 'No jobs touched', actions: [] });
  });

  it('says who runs it where the app does not', () => {
    expect(renderValidateCheck({ ...view, dispatch: 'git' }).summary).toContain('`dispatch: git`');
  });

  it('keeps annotations within GitHub’s limits', () => {
    const [only] = renderValidateCheck({
      ...view,
      findings: [{ ...failure, field: 'x'.repeat(999), message: 'y'.repeat(99_999) }],
    }).annotations;
    expect(only?.title.length).toBe(255);
    expect(only?.message.length).toBe(4000);
  });
});

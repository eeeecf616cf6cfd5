import { expect, it, onTestFinished } from 'vitest';
import { listAudit } from '../../src/store/audit.ts';
import { startTestApp } from '../support/app.ts';
import { merged, waitingPull } from '../support/app-steps.ts';

it('writes down who was granted what: settings, approval, merge, admission, lease, retry', async () => {
  const t = await startTestApp({ settings: 'gate:\n  fenced: approve\n' });
  onTestFinished(() => t.close());
  const { issue, pull, id } = await waitingPull(t);
  await t.github.as('reader').comment(pull.number, '/approve');
  await t.settle();
  await t.github.as('writer2').comment(pull.number, `/approve ${pull.head.sha}`);
  expect(await merged(t, pull)).toBe(true);
  const runner = await t.runner();
  await runner.runJob(id, { exit_code: 1 });
  await t.settle();
  await t.github.as('writer').comment(issue, '/retry');
  await t.settle();

  const audit = (await listAudit(t.app().store.db, 100)).filter(({ what }) => what !== 'token_created');
  const lines = audit.map(({ what, who, subject }) => `${what} ${who} ${subject}`).sort();
  expect(lines).toEqual(
    [
      'settings_applied branch main octo/hello',
      `approval_accepted writer2 #${pull.number}`,
      `merged writer2 #${pull.number}`,
      `job_admitted writer2 ${id}`,
      `lease_granted ${audit.find(({ what }) => what === 'lease_granted')?.who} ${id}`,
      `retry_granted writer ${id}`,
    ].sort(),
  );
  const approval = audit.find(({ what }) => what === 'approval_accepted');
  expect(JSON.parse(approval?.detail ?? '')).toEqual({ how: 'command', sha: pull.head.sha });
});

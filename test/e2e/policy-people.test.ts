import { afterEach, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp, WORKDIR } from '../support/app.ts';
import { ask, check, fence, jobFile, jobIdOf, jobState, merged, pullOf } from '../support/app-steps.ts';

let t: TestApp;
const start = async (settings: string) => {
  t = await startTestApp({ settings });
};
const settings = (text: string) =>
  t.github.as('octo').push('main', {
    '.github/guruguru.yml': `defaults:\n  workdir: ${WORKDIR}\n${text}`,
  });
afterEach(async () => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
  await t.close();
});

const LIST = `/ask list files\n${fence('ls')}`;
const lastSaid = async (thread: number) => (await t.said(thread)).at(-1)?.body ?? '';
const comment = async (login: string, thread: number, text: string) => {
  await t.github.as(login).comment(thread, text);
  await t.settle();
};
const approveReview = async (login: string, pull: number) => {
  await t.github.as(login).review(pull, { event: 'APPROVE' });
  await t.settle();
};

describe('who may ask', () => {
  it('is who has the permission and is in a team that the policy names', async () => {
    await start('ask:\n  permission: admin\n');
    expect(await lastSaid(await ask(t, LIST, 'writer'))).toContain('Asking needs admin access');
    expect((await pullOf(t, await ask(t, LIST, 'octo'))).merged).toBe(true);

    await settings('ask:\n  teams: [platform]\n');
    const unreadable = await lastSaid(await ask(t, LIST, 'writer'));
    expect(unreadable).toContain('membership in `platform`');
    expect(unreadable).toContain('accept its permission "Members: read"');
    t.github.admin.grant('members', 'read');
    t.github.admin.expireTokens();
    await t.restart();
    expect(await lastSaid(await ask(t, LIST, 'writer'))).not.toContain('Members: read');
    t.github.admin.setTeam('platform', ['writer', 'reader']);
    expect((await pullOf(t, await ask(t, LIST, 'writer'))).merged).toBe(true);
    // A team gives nobody write permission.
    expect(await lastSaid(await ask(t, LIST, 'reader'))).toContain('`reader` has `read`');
  });
});

describe('who may approve', () => {
  it('is not who asked where the policy says so; the PR and the refusal say it', async () => {
    await start('policy: team\n');
    const issue = await ask(t, LIST, 'writer');
    const pull = await pullOf(t, issue);
    expect(pull.merged).toBe(false);
    expect(pull.body).toContain('`writer` asked, so **somebody else** must approve');
    await comment('writer', pull.number, '/approve');
    expect(await lastSaid(pull.number)).toContain('nobody approves what they asked for');
    await approveReview('writer', pull.number);
    expect(await merged(t, pull)).toBe(false);
    await comment('writer2', pull.number, '/approve');
    expect(await merged(t, pull)).toBe(true);
    expect(await jobState(t, jobIdOf(pull))).toBe('queued');
  });

  it('is not who asked by a merge of their own hand either', async () => {
    await start('policy: team\n');
    const pull = await pullOf(t, await ask(t, LIST, 'writer'));
    const id = jobIdOf(pull);
    await t.github.as('writer').merge(pull.number);
    await t.settle();
    expect(await jobState(t, id)).toBe('proposed');
    expect(await lastSaid(pull.number)).toContain('not by who asked');
    await comment('writer', pull.number, `/retry ${id}`);
    expect(await jobState(t, id)).toBe('proposed');
    await comment('writer2', pull.number, `/retry ${id}`);
    expect(await jobState(t, id)).toBe('queued');
  });

  it('is as many different people as the policy wants', async () => {
    await start('approve:\n  count: 2\n');
    const pull = await pullOf(t, await ask(t, LIST, 'writer'));
    expect(pull.body).toContain('**2 different people** must approve');
    // The fence of the asker is one approval; said twice it is still one.
    await comment('writer', pull.number, '/approve');
    expect(await lastSaid(pull.number)).toContain('1 of 2 approvals');
    expect(await merged(t, pull)).toBe(false);
    await approveReview('reader', pull.number);
    expect(await merged(t, pull)).toBe(false);
    await approveReview('writer2', pull.number);
    expect(await merged(t, pull)).toBe(true);
    expect(await jobState(t, jobIdOf(pull))).toBe('queued');
  });

  it('is nobody while the settings have a mistake, by hand neither', async () => {
    await start('gate:\n  fenced: approve\n');
    const pull = await pullOf(t, await ask(t, LIST, 'writer'));
    await settings('approve:\n  count: two\n');
    await t.settle();
    await comment('writer2', pull.number, '/approve');
    expect(await lastSaid(pull.number)).toContain('it is not known who may approve');
    await t.github.as('writer2').merge(pull.number);
    await t.settle();
    const id = jobIdOf(pull);
    expect(await jobState(t, id)).toBe('proposed');
    expect(await lastSaid(pull.number)).toContain('Correct it on the default branch');
    await settings('');
    await t.settle();
    await comment('writer2', pull.number, `/retry ${id}`);
    expect(await jobState(t, id)).toBe('queued');
  });
});

describe('a mistake in the settings that is mended', () => {
  it('lets what was approved meanwhile go on by itself', async () => {
    await start('gate:\n  fenced: approve\n');
    const pull = await pullOf(t, await ask(t, LIST, 'writer'));
    await settings('approve:\n  count: two\n');
    await approveReview('writer2', pull.number);
    expect(await merged(t, pull)).toBe(false);
    await settings('gate:\n  fenced: approve\n');
    expect(await merged(t, pull)).toBe(true);
  });
});

describe('what the policy denies', () => {
  const DENY = 'commands:\n  - deny: kubectl delete\n    why: use the runbook\n';
  const DELETE = `/ask clean\n${fence('kubectl delete ns x', 'sudo ls')}`;

  it('is refused where nobody may override it', async () => {
    await start(DENY);
    expect(await lastSaid(await ask(t, DELETE, 'writer'))).toContain('use the runbook');
    const id = '2025-11-22-001';
    const pull = await t.github.as('writer2').openPull({
      head: 'by-hand',
      title: 'By hand',
      files: { [`jobs/queue/${id}.json`]: jobFile(id, { script: ['kubectl delete ns x'] }) },
    });
    await t.settle();
    const found = await check(t, pull.head.sha, 'validate');
    expect(found?.conclusion).toBe('failure');
    expect(found?.output.summary).toContain('use the runbook');
    await comment('octo', pull.number, '/approve --override kubectl-delete');
    expect(await lastSaid(pull.number)).toContain('names no `owners`');
    // By hand it is merged, and does not run.
    await t.github.as('octo').merge(pull.number);
    await t.settle();
    expect(await jobState(t, id)).toBeUndefined();
    expect(await lastSaid(pull.number)).toContain('use the runbook');
  });

  it('is overridden by an owner, for one head, rule by rule, and on the record', async () => {
    await start(`${DENY}rules:\n  sudo: deny\nowners: [octo]\n`);
    const pull = await pullOf(t, await ask(t, DELETE, 'writer'));
    const id = jobIdOf(pull);
    expect((await check(t, pull.head.sha, 'validate'))?.conclusion).toBe('failure');
    await comment('writer2', pull.number, '/approve --override kubectl-delete,sudo');
    expect(await lastSaid(pull.number)).toContain('`writer2` is not among');
    await comment('octo', pull.number, '/approve --override force-push');
    expect(await lastSaid(pull.number)).toContain('`kubectl-delete`, `sudo`');
    await comment('octo', pull.number, '/approve --override kubectl-delete');
    expect(await lastSaid(pull.number)).toContain('uses sudo');
    await comment('octo', pull.number, '/approve --override kubectl-delete,sudo');
    expect(await merged(t, pull)).toBe(true);
    expect((await check(t, pull.head.sha, 'validate'))?.conclusion).toBe('success');
    expect((await t.marked(pull.number, 'override'))[0]?.body).toContain('overridden** by `octo`');
    expect(await jobState(t, id)).toBe('queued');
    await (await t.runner()).run();
    await t.settle();
    const record = JSON.parse((await t.github.read.file(`reports/jobs/${id}.json`)) ?? '');
    expect(record.approval).toMatchObject({
      login: 'octo',
      overrides: { rules: ['kubectl-delete', 'sudo'], login: 'octo' },
    });
  });
});

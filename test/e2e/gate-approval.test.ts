import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';

let t: TestApp;
beforeAll(async () => {
  const t0 = performance.now();
  t = await startTestApp();
  console.log('start', performance.now() - t0);
});
afterAll(() => {for(const l of t.log) console.log(l); return t.close()});

it('smoke', async () => {
  const t0 = performance.now();
  const issue = await t.github.as('writer').openIssue({ title: 'Smoke' });
  await t.github.as('writer').comment(issue, '/ask list files\n```sh\nls\n```');
  await t.settle();
  console.log('settled', performance.now() - t0);
  const runner = await t.runner();
  const offer = await runner.run();
  await t.settle();
  console.log('run', performance.now() - t0, offer.job_id);
  for (const c of await t.said(issue)) console.log(c.body);
  expect(t.github.contractViolations).toEqual([]);
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import { fencedAsk } from '../support/fenced-ask.ts';
import type { Pull } from '../support/github/person.ts';
import { watchWrites } from '../support/github/write-watch.ts';
import { nothingDue, query } from '../support/left-by.ts';
import { type Loop, startLoop } from '../support/loop.ts';
import { type ModelServer, startModel } from '../support/model.ts';
import { jobAnswer } from '../support/model-replies.ts';
import { patiently } from '../support/patiently.ts';
import { createScriptedRunner } from '../support/scripted-runner.ts';

/** The app dies once, with every command and every ask below held in the middle of a write. */
let loop: Loop;
let model: ModelServer;
const started: string[] = [];
const pulls: Record<string, Pull> = {};
const threads: Record<string, number> = {};

const MARKS = [
  'approve-landed',
  'approve-before',
  'cancel-close',
  'cancel-thumb',
  'replan-ref',
  'replan-text',
];
const APPROVED = ['approve-landed', 'approve-before'];

beforeAll(async () => {
  model = await startModel({
    replies: [
      { match: 'what time', reply: { text: { result: { kind: 'answer', text: 'Noon.' } } } },
      { match: 'say it louder', reply: { text: jobAnswer({ title: 'Louder', script: ['echo LOUDER'] }) } },
    ],
    otherwise: (request) => ({
      text: jobAnswer({ title: request.ask.trim(), script: [`echo ${request.ask}`] }),
    }),
  });
  loop = await startLoop({ model: { url: model.url } });
  const { github } = loop;
  const watch = watchWrites(github);
  const octo = github.as('octo');
  const token = await loop.createToken('fleet', 'octo/hello');
  const work = async (name: string) => {
    const runner = createScriptedRunner({ url: loop.appUrl(), token, name });
    const offer = await patiently(
      async () => (await runner.acquire(10)) ?? Promise.reject(new Error('no job')),
    );
    await runner.start(offer);
    started.push(offer.job_id);
    await runner.finish(offer);
  };

  for (const mark of MARKS) {
    threads[mark] = await octo.openIssue({ title: mark });
    const { id } = await octo.comment(threads[mark], `/ask ${mark}`);
    pulls[mark] = await github.until('the job PR', async () =>
      (await github.read.pulls()).find(({ head }) => head.ref === `guruguru/ask-c${id}`),
    );
  }
  const again = await fencedAsk(loop, 'echo again');
  threads.retry = again.thread;
  await work('first');
  await nothingDue(loop);

  const numberOf = (mark: string) => pulls[mark]?.number ?? 0;
  const thumb = (comment: number) => (x: { path: string }) =>
    x.path.includes(`/comments/${comment}/reactions`);
  const said = (thread: number, kind: string) => (x: { path: string; raw: Buffer }) =>
    x.path.endsWith(`/issues/${thread}/comments`) && x.raw.includes(`guruguru:${kind}:`);
  github.webhooks.hold();
  const command = async (thread: number, text: string) => (await octo.comment(thread, text)).id;
  const approve = await command(numberOf('approve-landed'), '/approve');
  const approve2 = await command(numberOf('approve-before'), '/approve');
  await command(numberOf('cancel-close'), '/cancel');
  const cancel2 = await command(numberOf('cancel-thumb'), '/cancel');
  const retry = await command(again.thread, '/retry');
  await command(numberOf('replan-ref'), '/ask say it louder');
  await command(numberOf('replan-text'), '/ask say it louder');
  for (const name of ['help', 'answer', 'empty']) threads[name] = await octo.openIssue({ title: name });
  await command(threads.help ?? 0, '/help');
  await command(threads.answer ?? 0, '/ask what time is it?');
  await command(threads.empty ?? 0, '/ask');
  const reached = [
    watch.holdIf(thumb(approve), 'landed'),
    watch.holdIf(thumb(approve2), 'before'),
    watch.holdIf(
      (x) => x.method === 'PATCH' && x.path.endsWith(`/pulls/${numberOf('cancel-close')}`),
      'landed',
    ),
    watch.holdIf(thumb(cancel2), 'landed'),
    watch.holdIf(thumb(retry), 'before'),
    watch.holdIf(
      (x) =>
        x.method === 'PATCH' &&
        decodeURIComponent(x.path).includes(`/refs/heads/${pulls['replan-ref']?.head.ref}`),
      'landed',
    ),
    watch.holdIf(
      (x) => x.method === 'PATCH' && x.path.endsWith(`/pulls/${numberOf('replan-text')}`),
      'landed',
    ),
    watch.holdIf(said(threads.help ?? 0, 'reply'), 'landed'),
    watch.holdIf(said(threads.answer ?? 0, 'final'), 'landed'),
    watch.holdIf(said(threads.empty ?? 0, 'final'), 'landed'),
  ];
  github.webhooks.release();
  await Promise.all(reached);
  // The second run of the retried job and the approved ones end before the app comes back.
  for (const name of ['second', 'third', 'fourth']) await work(name);
  loop.app().kill('SIGKILL');
  await loop.app().exited;
  watch.cut();
  await loop.startApp();
  await nothingDue(loop);
}, 60_000);
afterAll(async () => {
  await loop?.close();
  await model?.close();
});

const ours = async (thread: number | undefined, kind: string) =>
  (await loop.github.read.comments(thread ?? 0)).filter(
    ({ author, body }) => author === loop.github.app.botLogin && body.includes(`<!-- guruguru:${kind}:`),
  );
const jobOf = (mark: string) =>
  String(query(loop, 'select job_id from asks where thread = ?', String(threads[mark]))[0]?.job_id);
const thumbs = async (thread: number) => {
  const comments = await loop.github.read.comments(thread);
  const command = comments.find(({ body }) => /^\/(approve|cancel|retry)/.test(body));
  return loop.github.read.reactions({ comment: command?.id ?? 0 });
};

it.each(APPROVED)('%s: merged and run once, without a word', async (mark) => {
  const pull = await loop.github.read.pull(pulls[mark]?.number ?? 0);
  expect(pull.merged).toBe(true);
  expect(started.filter((id) => id === jobOf(mark))).toHaveLength(1);
  expect(await ours(pull.number, 'reply')).toEqual([]);
  expect(await thumbs(pull.number)).toEqual([`+1 by ${loop.github.app.botLogin}`]);
  expect(await ours(threads[mark], 'final')).toHaveLength(1);
});

it.each(['cancel-close', 'cancel-thumb'])('%s: closed, and the ask has ended', async (mark) => {
  const pull = await loop.github.read.pull(pulls[mark]?.number ?? 0);
  expect(pull).toMatchObject({ state: 'closed', merged: false });
  expect(await ours(pull.number, 'reply')).toEqual([]);
  expect(await thumbs(pull.number)).toEqual([`+1 by ${loop.github.app.botLogin}`]);
  expect(query(loop, 'select state, reason from asks where thread = ?', String(threads[mark]))).toEqual([
    { state: 'ended', reason: 'cancelled' },
  ]);
});

it('/retry: one more run, not two', async () => {
  const job = jobOf('retry');
  expect(started.filter((id) => id === job)).toHaveLength(2);
  expect(query(loop, 'select state, attempt from jobs where id = ?', job)).toEqual([
    { state: 'succeeded', attempt: 2 },
  ]);
  const record = JSON.parse((await loop.github.read.file(`reports/jobs/${job}.json`)) ?? '{}');
  expect(record.runs).toHaveLength(2);
  expect(await ours(threads.retry, 'reply')).toEqual([]);
  expect(await ours(threads.retry, 'final')).toHaveLength(2);
  expect(await thumbs(threads.retry ?? 0)).toEqual([`+1 by ${loop.github.app.botLogin}`]);
});

it.each(['replan-ref', 'replan-text'])('%s: one more commit on the job PR, not two', async (mark) => {
  const { number, head } = pulls[mark] ?? expect.fail();
  const commits = (await loop.github.read.commits(head.ref)).map((commit) => JSON.stringify(commit));
  expect(commits.filter((commit) => commit.includes(`propose ${jobOf(mark)}`))).toHaveLength(2);
  const pull = await loop.github.read.pull(number);
  expect(await loop.github.read.file(`jobs/queue/${jobOf(mark)}.json`, pull.head.sha)).toContain(
    'echo LOUDER',
  );
  expect(
    (await loop.github.read.checkRuns(pull.head.sha, 'all')).map(({ name, conclusion }) => [
      name,
      conclusion,
    ]),
  ).toEqual([['guruguru / validate', 'success']]);
  expect(await ours(number, 'final')).toHaveLength(1);
  expect(await ours(number, 'status')).toHaveLength(1);
});

it('/help, an answer and a refusal: said once', async () => {
  expect(await ours(threads.help, 'reply')).toHaveLength(1);
  expect((await ours(threads.answer, 'final')).map(({ body }) => body)).toEqual([
    expect.stringContaining('Noon.'),
  ]);
  expect(await ours(threads.empty, 'final')).toHaveLength(1);
  expect(model.requests.filter(({ ask }) => ask.includes('what time'))).toHaveLength(1);
});

it('left nothing open but the two PRs that were replanned', async () => {
  const open = await loop.github.read.pulls('open');
  expect(open.map(({ number }) => number)).toEqual([
    pulls['replan-ref']?.number,
    pulls['replan-text']?.number,
  ]);
  expect(loop.github.contractViolations).toEqual([]);
});

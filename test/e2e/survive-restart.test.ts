import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startCli } from '../support/cli-process.ts';
import { fencedAsk } from '../support/fenced-ask.ts';
import { watchWrites } from '../support/github/write-watch.ts';
import { leftBy, nothingDue, once, query } from '../support/left-by.ts';
import { type Loop, startLoop } from '../support/loop.ts';
import { type ModelServer, startModel } from '../support/model.ts';
import { jobAnswer } from '../support/model-replies.ts';
import { patiently } from '../support/patiently.ts';
import { createScriptedRunner, type ScriptedRunner } from '../support/scripted-runner.ts';

/** The app as a process of its own, stopped and started again on one data directory. */
let loop: Loop;
let model: ModelServer;
let token: string;

beforeAll(async () => {
  model = await startModel({ otherwise: { text: jobAnswer({ title: 'Say hello' }) } });
  loop = await startLoop({ model: { url: model.url } });
  token = await loop.createToken('fleet', 'octo/hello');
});
afterEach(() => loop.github.faults.clear());
afterAll(async () => {
  await loop?.close();
  await model?.close();
});

const runnerOf = (name: string): ScriptedRunner => createScriptedRunner({ url: loop.appUrl(), token, name });

async function kill(): Promise<void> {
  loop.app().kill('SIGKILL');
  await loop.app().exited;
}

/** The next job, asked for until the app gives one. */
const take = (runner: ScriptedRunner) =>
  patiently(async () => (await runner.acquire(10)) ?? Promise.reject(new Error('no job yet')));

/** Ends the app in order; resolves to its exit code and how long it took. */
async function terminate(): Promise<{ code: unknown; ms: number }> {
  const app = loop.app();
  const from = performance.now();
  app.kill('SIGTERM');
  return { code: await app.exited, ms: performance.now() - from };
}

const records = (...lines: string[]) =>
  Buffer.from(lines.map((d) => `${JSON.stringify({ s: 'out', t: 0.1, d })}\n`).join(''));

describe('a runner while the app is away', () => {
  it('keeps its started job and delivers log and result to the next app', async () => {
    const ask = await fencedAsk(loop, 'echo outlive');
    const runner = runnerOf('outlive');
    const offer = await take(runner);
    await runner.start(offer);
    const first = records('before the crash');
    await runner.sync(offer, { log: { offset: 0, data: first.toString('base64') } });

    await kill();
    const second = records('while the app was away');
    const chunk = { log: { offset: first.length, data: second.toString('base64') } };
    await expect(runner.sync(offer, chunk)).rejects.toThrow();
    await loop.startApp();

    expect(await runner.sync(offer, { log: { offset: first.length + 7, data: 'eA==' } })).toMatchObject({
      status: 416,
      body: { offset: first.length },
    });
    expect(await runner.sync(offer, chunk)).toMatchObject({ body: { offset: first.length + second.length } });
    const result = {
      outcome: 'exited' as const,
      exit_code: 0,
      signal: null,
      started_at: new Date().toISOString(),
      finished_at: new Date().toISOString(),
      duration_seconds: 1,
      steps: [],
      message: null,
      report: null,
      log_bytes: first.length + second.length,
    };
    expect(await runner.sync(offer, { phase: 'finished', result })).toMatchObject({ status: 200 });

    await nothingDue(loop);
    const left = await leftBy(loop, ask);
    expect(left).toMatchObject(once(loop, ask, offer.job_id));
    expect(left.log).toContain('before the crash');
    expect(left.log).toContain('while the app was away');
  });

  it('asks the next app for work when its waiting call is cut', async () => {
    const runner = runnerOf('waiting');
    const waiting = runner.acquire(20);
    const cut = expect(waiting).rejects.toThrow();
    await kill();
    await cut;
    await loop.startApp();
    const [ask, offer] = await Promise.all([fencedAsk(loop, 'echo waited'), take(runner)]);
    await runner.start(offer);
    await runner.finish(offer);
    await nothingDue(loop);
    expect(await leftBy(loop, ask)).toMatchObject(once(loop, ask, offer.job_id));
  });

  it('resumes a lease it did not start; another process of its name takes it, and each job is started once', async () => {
    const asks = [await fencedAsk(loop, 'echo resumed'), await fencedAsk(loop, 'echo taken over')];
    const [same, dead] = [runnerOf('same'), runnerOf('fenced')];
    const offers = [await take(same), await take(dead)] as const;
    await kill();
    await loop.startApp();

    const resumed = await take(same);
    expect(resumed.run).toBe(offers[0].run);
    const next = runnerOf('fenced');
    const taken = await take(next);
    expect(taken).toMatchObject({ job_id: offers[1].job_id, attempt: 1 });
    expect(taken.run).not.toBe(offers[1].run);
    expect(taken.fence).toBeGreaterThan(offers[1].fence);
    expect(await dead.sync(offers[1], { phase: 'starting' })).toMatchObject({ status: 409 });

    for (const [runner, offer] of [
      [same, resumed],
      [next, taken],
    ] as const) {
      await runner.start(offer);
      await runner.finish(offer);
    }
    await nothingDue(loop);
    for (const ask of asks) {
      const left = await leftBy(loop, ask);
      expect(left).toMatchObject(once(loop, ask, left.job));
    }
  });
});

describe('SIGTERM', () => {
  it('ends the app at once while the model thinks, and the next one plans', async () => {
    const { github } = loop;
    model.next({ hang: true });
    const from = model.requests.length;
    const thread = await github.as('octo').openIssue({ title: 'Think' });
    const { id: comment } = await github.as('octo').comment(thread, '/ask say hello');
    await patiently(async () => {
      if (model.requests.length === from) throw new Error('the model was not asked');
    });
    const { code, ms } = await terminate();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(3_000);

    await loop.startApp();
    const pull = await github.until('the job PR', async () =>
      (await github.read.pulls('open')).find(({ head }) => head.ref === `guruguru/ask-c${comment}`),
    );
    expect(model.requests.length - from).toBe(2);
    await github.as('octo').review(pull.number, { event: 'APPROVE' });
    const runner = runnerOf('think');
    const offer = await take(runner);
    await runner.start(offer);
    await runner.finish(offer);
    await nothingDue(loop);
    const ask = { thread, comment };
    expect(await leftBy(loop, ask)).toMatchObject(once(loop, ask, offer.job_id));
    expect(model.requests.length - from).toBe(2);
  });

  it('ends the app at once while it reports and a runner waits, and the next one reports once', async () => {
    const watch = watchWrites(loop.github);
    const ask = await fencedAsk(loop, 'echo report-me');
    watch.watch({ ...ask, mark: 'report-me' });
    // The ask may have been heard before it was watched, so its job is named by its file's tree.
    const runner = runnerOf('report');
    const offer = await take(runner);
    watch.know('report-me', offer.job_id);
    const held = watch.hold('report-me', 'report tree', 'landed');
    await runner.start(offer);
    await runner.finish(offer);
    await held;
    const waiting = runnerOf('drained').acquire(25);
    await patiently(async () => {
      if (query(loop, "select name from runners where name = 'drained'").length === 0)
        throw new Error('not yet');
    });
    const { code, ms } = await terminate();
    watch.cut();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(3_000);
    expect(await waiting).toBeNull();
    await loop.startApp();
    await nothingDue(loop);
    expect(await leftBy(loop, ask)).toMatchObject(once(loop, ask, offer.job_id));
  });
});

describe('an app that starts while GitHub is away', () => {
  it('takes deliveries, and works on them when GitHub is back', async () => {
    const { github } = loop;
    await kill();
    github.faults.add({
      match: (method, path, actor) => actor === 'app' && method === 'GET' && path === '/app',
      status: 503,
      times: 2,
    });
    const app = await loop.startApp('listening');
    const ask = await fencedAsk(loop, 'echo early');
    await github.webhooks.idle();
    expect(github.webhooks.log.findLast(({ event }) => event === 'issue_comment')?.statusCode).toBe(200);
    await app.line(/"msg":"working"/);
    const runner = runnerOf('early');
    const offer = await take(runner);
    await runner.start(offer);
    await runner.finish(offer);
    await nothingDue(loop);
    expect(await leftBy(loop, ask)).toMatchObject(once(loop, ask, offer.job_id));
  });

  it('ends at once on SIGTERM when GitHub does not answer', async () => {
    await kill();
    const asked = Promise.withResolvers<void>();
    loop.github.faults.add({
      match: (_method, path, actor) => actor === 'app' && path === '/app',
      before: () => {
        asked.resolve();
        return new Promise(() => {});
      },
    });
    await loop.startApp('listening');
    await asked.promise;
    const { code, ms } = await terminate();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(3_000);
    loop.github.faults.clear();
    await loop.startApp();
  });
});

describe('the data directory', () => {
  it('is refused to a second app, with a clear message and exit code 1', async () => {
    const second = startCli(['app'], { env: loop.appEnv, cwd: loop.folder });
    expect(await second.exited).toBe(1);
    expect(second.lines).toEqual([expect.stringContaining(`${loop.folder}/data`)]);
    expect(second.lines[0]).toMatch(/another|in use|already/i);
  });
});

describe('deliveries', () => {
  it('twice, turned round and edited meanwhile: nothing is done twice', async () => {
    const { github } = loop;
    github.webhooks.duplicate(true);
    github.webhooks.hold();
    const ask = await fencedAsk(loop, 'echo turned');
    await github.as('octo').editComment(ask.comment, '/ask\n```sh\necho edited\n```');
    await github.as('octo').editComment(ask.comment, 'never mind');
    github.webhooks.release('reversed');
    const runner = runnerOf('turned');
    const offer = await take(runner);
    expect(offer.file).toContain('echo turned');
    await runner.start(offer);
    await runner.finish(offer);
    await nothingDue(loop);
    github.webhooks.duplicate(false);
    expect(await leftBy(loop, ask)).toMatchObject(once(loop, ask, offer.job_id));
  });

  it('again long after: nothing happens', async () => {
    const { github } = loop;
    const ask = await fencedAsk(loop, 'echo late');
    const runner = runnerOf('late');
    const offer = await take(runner);
    await runner.start(offer);
    await runner.finish(offer);
    await nothingDue(loop);
    const before = await leftBy(loop, ask);
    const all = [...github.webhooks.log];
    const from = github.requests.length;
    for (const delivery of [...all].reverse()) github.webhooks.redeliver(delivery.id);
    await nothingDue(loop);
    const writes = github.requests
      .slice(from)
      .filter((request) => request.actor === 'installation' && request.kind === 'write');
    expect(writes.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
    expect(await leftBy(loop, ask)).toEqual(before);
    expect(await runner.acquire(0)).toBeNull();
  });

  it('of two asks that paste one job file: one is a job, the other is told so', async () => {
    const { github } = loop;
    const id = '2025-11-22-001';
    const file = {
      id,
      kind: 'run_shell',
      workdir: loop.workdir,
      script: ['echo pasted'],
      dod: 'exit_code == 0',
    };
    const text = `/ask\n\`\`\`json\n${JSON.stringify({ ...file, report_path: `reports/jobs/${id}.out` })}\n\`\`\``;
    // Both have looked whether the id is free before either takes it.
    const both = Promise.withResolvers<void>();
    let looked = 0;
    github.faults.add({
      match: (method, path, actor) =>
        method === 'GET' && path.includes('/git/trees/') && actor === 'installation',
      times: 2,
      landed: () => {
        looked += 1;
        if (looked === 2) both.resolve();
        return both.promise;
      },
    });
    github.webhooks.hold();
    const threads = [
      await github.as('octo').openIssue({ title: 'One' }),
      await github.as('octo').openIssue({ title: 'Two' }),
    ];
    for (const thread of threads) await github.as('octo').comment(thread, text);
    github.webhooks.release();
    const runner = runnerOf('pasted');
    const offer = await take(runner);
    await runner.start(offer);
    await runner.finish(offer);
    await nothingDue(loop);
    expect(
      query(loop, 'select reason from asks where thread in (?, ?) order by reason', ...threads.map(String)),
    ).toEqual([{ reason: 'job_id_taken' }, { reason: 'succeeded' }]);
    expect((await github.read.pulls()).filter(({ title }) => title.includes(id))).toHaveLength(1);
  });

  it('are taken while GitHub is down, and worked on afterwards', async () => {
    const { github } = loop;
    let refused = 0;
    github.faults.add({
      match: (_method, _path, actor) => actor !== 'user' && ++refused > 0,
      status: 503,
      times: Number.POSITIVE_INFINITY,
    });
    const ask = await fencedAsk(loop, 'echo down');
    await github.webhooks.idle();
    await patiently(async () => {
      if (refused < 3) throw new Error('not tried again yet');
    });
    const delivery = github.webhooks.log.findLast(({ event }) => event === 'issue_comment');
    expect(delivery?.statusCode).toBe(200);
    expect((await leftBy(loop, ask)).comments).toBe(0);
    github.faults.clear();
    const runner = runnerOf('down');
    const offer = await take(runner);
    await runner.start(offer);
    await runner.finish(offer);
    await nothingDue(loop);
    expect(await leftBy(loop, ask)).toMatchObject(once(loop, ask, offer.job_id));
  });

  it('sent what GitHub allows', () => {
    expect(loop.github.contractViolations).toEqual([]);
  });
});

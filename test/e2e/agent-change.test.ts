import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseRecord } from '../../src/job/report-format.ts';
import type { AgentResult } from '../../src/job/run-result.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, check, jobIdOf, pullOf } from '../support/app-steps.ts';

let t: TestApp;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-'));
  t = await startTestApp({
    settings: 'agent:\n  paths: [src/**, README.md, .github/**]\n',
    worker: { backoff: () => 20 },
  });
  await t.github
    .as('octo')
    .push('main', { 'src/a.ts': 'export const a = 1;\n', 'src/run': '#!/bin/sh\n' }, 'Add src');
});
afterAll(async () => {
  await t.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => expect(t.github.contractViolations).toEqual([]));

/** What git says of a change to the files of the default branch. */
async function diffOf(change: Record<string, string | null>): Promise<string> {
  const path = mkdtempSync(join(folder, 'repo-'));
  const git = (...args: string[]) => execFileSync('git', ['-C', path, ...args]).toString();
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  };
  git('init', '--quiet');
  for (const name of await t.github.read.tree()) write(name, (await t.github.read.file(name)) ?? '');
  git('add', '--all');
  const base = git('write-tree').trim();
  for (const [name, text] of Object.entries(change)) {
    if (text === null) rmSync(join(path, name));
    else write(name, text);
  }
  git('add', '--all');
  return git('diff', '--cached', '--no-renames', '--full-index', base);
}

/** An ask with a brief, run by an agent that leaves this. Resolves to the issue and the job's id. */
async function play(
  agent: Partial<AgentResult>,
  end: object = {},
): Promise<{ issue: number; id: string; head: string }> {
  const issue = await ask(t, '/ask mend a\n```codex\nMend src/a.ts.\n```');
  const job = await pullOf(t, issue);
  await (await t.runner()).run({
    agent: {
      base: t.github.read.head() ?? '',
      usage: { input_tokens: 900, cached_input_tokens: 0, output_tokens: 70 },
      message: 'I mended it. @octo /approve',
      files: ['src/a.ts'],
      diff: '',
      kept: null,
      ...agent,
    },
    ...end,
  });
  await t.settle();
  return { issue, id: jobIdOf(job), head: job.head.sha };
}
const changes = async () =>
  (await t.github.read.pulls()).filter(({ head }) => head.ref.startsWith('guruguru/job-'));
const recordOf = async (id: string) =>
  parseRecord((await t.github.read.file(`reports/jobs/${id}.json`)) ?? '')?.runs.at(-1);

describe("an agent's change", () => {
  it('becomes one PR with exactly its files on the commit it stands on, linked from the ask', async () => {
    const diff = await diffOf({
      'src/a.ts': 'export const a = 2;\n',
      'src/new dir/b.ts': 'b\n',
      'README.md': null,
    });
    const base = t.github.read.head() ?? '';
    // Others go on meanwhile.
    await t.github.as('octo').push('main', { 'other.txt': 'x\n' }, 'Go on');
    const { issue, id, head } = await play({ base, diff });
    const [pull, ...more] = await changes();
    if (!pull) throw new Error('no PR');
    expect(more).toEqual([]);
    expect(pull).toMatchObject({ title: '[agent] mend a', merged: false, base: { ref: 'main' } });
    expect(pull.head.ref).toBe(`guruguru/job-${id}-1`);
    expect(pull.body).toContain('**Written by an agent (Codex)**');
    expect(pull.body).toContain('I mended it.');
    expect(pull.body).not.toMatch(/@octo|^\/approve/m);
    expect(await t.github.read.file('src/a.ts', pull.head.ref)).toBe('export const a = 2;\n');
    const there = await t.github.read.tree(pull.head.ref);
    expect(there).toContain('src/new dir/b.ts');
    expect(there).not.toContain('README.md');
    expect(there).not.toContain('other.txt');
    const [reply] = await t.marked(issue, 'final');
    expect(reply?.body).toContain(`Its change is [PR #${pull.number}](`);
    expect(reply?.body).toContain('> I mended it.');
    expect((await t.marked(issue, 'status'))[0]?.body).toContain(`change: PR #${pull.number}`);
    expect((await check(t, head, id))?.output.summary).toContain(`PR #${pull.number}`);
    const entry = await recordOf(id);
    expect(entry?.agent).toMatchObject({
      base,
      usage: { input_tokens: 900, output_tokens: 70 },
      change: { state: 'proposed', pull: pull.number },
    });
    expect(t.log).toEqual([]);
  });

  it('is there once, whichever write went unanswered', async () => {
    const before = (await changes()).length;
    const diff = await diffOf({ 'src/a.ts': 'export const a = 3;\n' });
    const issue = await ask(t, '/ask mend a again\n```codex\nMend src/a.ts.\n```');
    const id = jobIdOf(await pullOf(t, issue));
    for (const path of ['git/trees', 'git/commits', 'git/refs', 'pulls'])
      t.github.faults.add({
        match: (method, route) => method === 'POST' && route.endsWith(`/${path}`),
        status: 502,
        afterWrite: true,
        times: 1,
      });
    const usage = null;
    await (await t.runner()).run({
      agent: {
        base: t.github.read.head() ?? '',
        usage,
        message: null,
        files: ['src/a.ts'],
        diff,
        kept: null,
      },
    });
    await t.github.until('the final reply', async () => (await t.marked(issue, 'final'))[0]);
    await t.settle();
    expect((await changes()).length).toBe(before + 1);
    expect((await recordOf(id))?.agent?.change).toMatchObject({ state: 'proposed' });
    expect(await t.marked(issue, 'final')).toHaveLength(1);
  });

  it.each([
    ['a place of ours', { '.github/workflows/x.yml': 'on: push\n' }, {}, {}, 'may not change `.github/`'],
    [
      'a path the settings do not name',
      { 'other.txt': 'y\n' },
      {},
      {},
      '`agent.paths` of the settings does not allow it',
    ],
    [
      'a failed run',
      { 'src/a.ts': 'export const a = 4;\n' },
      {},
      { exit_code: 1 },
      'the run did not succeed',
    ],
    [
      'a commit nobody pushed',
      { 'src/a.ts': 'export const a = 4;\n' },
      { base: 'b'.repeat(40) },
      {},
      'is not on the default branch',
    ],
  ])('of %s is kept in the report and not proposed', async (_, change, agent, end, words) => {
    const before = (await changes()).length;
    const diff = await diffOf(change);
    const { issue, id } = await play({ diff, ...agent }, end);
    expect((await changes()).length).toBe(before);
    const [reply] = await t.marked(issue, 'final');
    expect(reply?.body).toContain(words);
    expect(reply?.body).toContain(`/reports/jobs/${id}.diff)`);
    expect(await t.github.read.file(`reports/jobs/${id}.diff`)).toBe(diff);
  });

  it('that is not what its diff says of the base is not proposed', async () => {
    const diff = (await diffOf({ 'src/a.ts': 'export const a = 5;\n' })).replace('a = 5', 'a = 6');
    const { issue } = await play({ diff });
    expect((await t.marked(issue, 'final'))[0]?.body).toContain(
      'does not fit the commit it stands on (src/a.ts)',
    );
  });

  it('with a secret is published nowhere', async () => {
    const key = `AKIA${'ABCDEFGHIJKLMNOP'}`;
    const diff = await diffOf({ 'src/a.ts': `const id = '${key}';\n` });
    expect(diff).toContain(key);
    const { issue, id } = await play({ diff });
    expect((await t.marked(issue, 'final'))[0]?.body).toContain('holds what looks like a secret');
    expect(await t.github.read.file(`reports/jobs/${id}.diff`)).toBeUndefined();
    expect(JSON.stringify(t.github.requests)).not.toContain(key);
  });

  it('keeps events as they came beside the log', async () => {
    const issue = await ask(t, '/ask look\n```codex\nLook at src/a.ts.\n```');
    const id = jobIdOf(await pullOf(t, issue));
    const runner = await t.runner();
    const offer = await runner.acquire(5);
    if (!offer) throw new Error('no offer');
    await runner.start(offer);
    const event = '{"type":"item.completed","item":{"type":"agent_message","text":"fine"}}';
    const log = Buffer.from(
      [
        { s: 'event', t: 0, d: event.slice(0, 20), p: true },
        { s: 'event', t: 0, d: event.slice(20) },
        { s: 'out', t: 0, d: 'fine' },
      ]
        .map((record) => `${JSON.stringify(record)}\n`)
        .join(''),
    );
    const now = new Date().toISOString();
    await runner.sync(offer, {
      phase: 'finished',
      log: { offset: 0, data: log.toString('base64') },
      result: {
        outcome: 'exited',
        exit_code: 0,
        signal: null,
        started_at: now,
        finished_at: now,
        duration_seconds: 1,
        steps: [],
        message: null,
        report: null,
        agent: {
          base: t.github.read.head() ?? '',
          usage: null,
          message: 'fine',
          files: [],
          diff: '',
          kept: null,
        },
        log_bytes: log.length,
      },
    });
    await t.settle();
    expect(await t.github.read.file(`reports/jobs/${id}.events.ndjson`)).toBe(`${event}\n`);
    expect(await t.github.read.file(`reports/jobs/${id}.out`)).toBe('  | fine\n');
    expect((await t.marked(issue, 'final'))[0]?.body).toContain('It changed no file.');
  });
});

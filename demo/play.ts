import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Pull } from '../test/support/github/person.ts';
import { type Loop, startLoop } from '../test/support/loop.ts';
import { startModel } from '../test/support/model.ts';
import { recordedReplies, recordings } from '../test/support/model-replies.ts';
import { createScreen, type Screen } from './screen.ts';

const run = promisify(execFile);

export interface DemoOptions {
  json: boolean;
  keep: boolean;
  /** A real endpoint: OPENAI_API_KEY and, if set, OPENAI_BASE_URL and GURUGURU_MODEL. */
  model: { key: string; url: string | undefined; name: string | undefined } | null;
}

interface Played {
  ask: string;
  planned_by: 'replayed' | 'model' | 'fence';
  expected: 'success' | 'failure';
  verdict: string;
  seconds: { pull: number | null; result: number };
}

const BOT = /\[bot\]$/;
/** The whole demo ends within this, or says where it stands. */
const STEP_MS = 60_000;

/** Plays three asks through the real app and a real runner. Resolves to the exit code. */
export async function play(options: DemoOptions): Promise<number> {
  const screen = createScreen(options.json ? process.stderr : process.stdout);
  const [english, japanese] = await recordings();
  if (!english || !japanese) throw new Error('the recorded answers are missing');
  screen.title('guruguru demo: the whole loop on this machine');
  screen.note(
    options.model
      ? `GitHub is emulated; the model is real (${options.model.name ?? 'gpt-5'})`
      : "GitHub is emulated; the model's answers are replayed from test/fixtures/model (written by hand); app, runner and shell are real",
  );
  const model = options.model ? null : await startModel({ replies: await recordedReplies() });
  const endpoint = options.model
    ? {
        url: options.model.url ?? 'https://api.openai.com/v1',
        key: options.model.key,
        ...(options.model.name ? { name: options.model.name } : {}),
      }
    : { url: model?.url ?? '' };
  const loop = await startLoop({ model: endpoint, appEnv: { LOG_LEVEL: 'info' } });
  try {
    await prepareWorkspace(loop);
    screen.step('app is up', loop.appUrl());
    const runner = await loop.startRunner();
    await runner.line(/ready/, STEP_MS);
    screen.step('runner devbox is up', `workspace ${loop.workdir}`);

    const played = [
      await playProse(loop, screen, english.ask, 'success', options.model !== null),
      await playOnPull(loop, screen, japanese.ask, options.model !== null),
      await playFence(loop, screen),
    ];
    const good = played.every((ask) => options.model !== null || ask.verdict === ask.expected);
    screen.title(
      good
        ? 'The loop went round three times; nothing was copied or pasted.'
        : 'Something did not end as expected.',
    );
    screen.note(
      `${screen.seconds().toFixed(1)} s in all; main now holds: ${(await reports(loop)).join(', ')}`,
    );
    if (options.keep) await keep(loop, screen);
    if (options.json)
      console.log(
        JSON.stringify({ ok: good, seconds: screen.seconds(), asks: played, requests: requests(loop) }),
      );
    return good ? 0 : 1;
  } finally {
    await loop.close();
    await model?.close();
  }
}

/** A git checkout, as a job finds it on a devbox. */
async function prepareWorkspace(loop: Loop): Promise<void> {
  const git = (...args: string[]) =>
    run('git', ['-C', loop.workdir, '-c', 'user.name=demo', '-c', 'user.email=demo@localhost', ...args]);
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '.');
  await git('commit', '--quiet', '--message', 'Start');
}

async function playProse(
  loop: Loop,
  screen: Screen,
  ask: string,
  expected: Played['expected'],
  real: boolean,
): Promise<Played> {
  screen.title(`1. English prose on an issue`);
  const issue = await loop.github.as('octo').openIssue({ title: 'Is the workspace in order?' });
  screen.said('octo', `/ask ${ask}`);
  const started = screen.seconds();
  const comment = await loop.github.as('octo').comment(issue, `/ask ${ask}`);
  await seen(loop, screen, comment.id);
  const pull = await jobPull(loop, screen, started);
  await loop.github.as('octo').review(pull.number, { event: 'APPROVE' });
  screen.step('octo approves the PR', 'the only thing a person does');
  return finish(loop, screen, {
    ask,
    issue,
    expected,
    planned_by: real ? 'model' : 'replayed',
    started,
    pull,
  });
}

async function playOnPull(loop: Loop, screen: Screen, ask: string, real: boolean): Promise<Played> {
  screen.title('2. Japanese prose on a pull request; its definition of done will not hold');
  const topic = await loop.github.as('octo').openPull({
    head: 'readme',
    title: 'Reword the README',
    files: { 'README.md': '# hello\n\nReworded.\n' },
  });
  screen.said('octo', `/ask ${ask}`);
  const started = screen.seconds();
  const comment = await loop.github.as('octo').comment(topic.number, `/ask ${ask}`);
  await seen(loop, screen, comment.id);
  const pull = await jobPull(loop, screen, started, topic.number);
  await loop.github.as('octo').comment(pull.number, '/approve');
  screen.step('octo writes /approve on the job PR');
  const played = await finish(loop, screen, {
    ask,
    issue: topic.number,
    expected: 'failure',
    planned_by: real ? 'model' : 'replayed',
    started,
    pull,
  });
  for (const check of await loop.github.read.checkRuns(topic.head.sha))
    screen.step(`check on PR #${topic.number}`, `${check.name}: ${check.conclusion}`);
  return played;
}

async function playFence(loop: Loop, screen: Screen): Promise<Played> {
  screen.title('3. Commands in a fence: no model, and the asker may approve, so no click');
  const issue = await loop.github.as('octo').openIssue({ title: 'Quick look' });
  const ask = 'what is here?\n```sh\npwd\ngit log --oneline\nls -la\n```';
  screen.said('octo', `/ask ${ask}`);
  const started = screen.seconds();
  await loop.github.as('octo').comment(issue, `/ask ${ask}`);
  return finish(loop, screen, { ask, issue, expected: 'success', planned_by: 'fence', started, pull: null });
}

async function seen(loop: Loop, screen: Screen, comment: number): Promise<void> {
  await loop.github.until(
    '👀',
    async () => (await loop.github.read.reactions({ comment })).length > 0,
    STEP_MS,
  );
  screen.step('👀 and a status comment');
}

/** The newest open job PR that is not `topic`. */
async function jobPull(loop: Loop, screen: Screen, started: number, topic?: number): Promise<Pull> {
  const pull = await loop.github.until(
    'the job PR',
    async () =>
      (await loop.github.read.pulls('open')).find(
        (found) => found.number !== topic && found.head.ref.startsWith('guruguru/'),
      ),
    STEP_MS,
  );
  screen.step(
    `job PR #${pull.number}`,
    `${pull.title} (${(screen.seconds() - started).toFixed(1)} s after the ask)`,
  );
  return pull;
}

interface Playing {
  ask: string;
  issue: number;
  expected: Played['expected'];
  planned_by: Played['planned_by'];
  started: number;
  pull: Pull | null;
}

/** Waits for the final reply and shows it. */
async function finish(loop: Loop, screen: Screen, playing: Playing): Promise<Played> {
  const pullAt = playing.pull ? screen.seconds() : null;
  const reply = await loop.github.until(
    'the final reply',
    async () =>
      (await loop.github.read.comments(playing.issue)).find(
        (comment) => BOT.test(comment.author) && comment.body.includes('<!-- guruguru:final:'),
      ),
    STEP_MS,
  );
  screen.step('report committed, checks completed, reply written');
  screen.said('guruguru', reply.body.replace(/<!--[\s\S]*?-->/g, '').trim());
  const pulls = await loop.github.read.pulls('all');
  const pull = playing.pull ?? pulls.filter((found) => found.head.ref.startsWith('guruguru/')).at(-1);
  const checks = pull ? await loop.github.read.checkRuns(pull.head.sha) : [];
  const check = checks.find((found) => String(found.name).startsWith('guruguru / 2'));
  return {
    ask: playing.ask,
    planned_by: playing.planned_by,
    expected: playing.expected,
    verdict: String(check?.conclusion ?? 'none'),
    seconds: {
      pull: pullAt === null ? null : round(pullAt - playing.started),
      result: round(screen.seconds() - playing.started),
    },
  };
}

const round = (seconds: number) => Math.round(seconds * 100) / 100;

async function reports(loop: Loop): Promise<string[]> {
  return (await loop.github.read.tree('main')).filter((path) => /^(reports|jobs)\//.test(path));
}

function requests(loop: Loop): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const request of loop.github.requests) {
    if (request.actor === 'user' || request.actor === 'anonymous') continue;
    counts[request.kind] = (counts[request.kind] ?? 0) + 1;
  }
  return counts;
}

async function keep(loop: Loop, screen: Screen): Promise<void> {
  screen.title('Everything is left running; Ctrl-C ends it.');
  screen.step('app', loop.appUrl());
  // It serves GitHub's API and no pages, so the links in the replies open nothing.
  screen.step('GitHub API', `${loop.github.url}/repos/octo/hello (token: token-octo)`);
  screen.step('try', `curl ${loop.github.url}/repos/octo/hello/issues/1/comments`);
  screen.step('folder', join(loop.folder));
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

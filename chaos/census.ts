import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseMonth } from '../src/job/ledger/month-file.ts';
import { parseRecord, type ResultRecord } from '../src/job/report-format.ts';
import type { Client } from '../test/support/github/client.ts';
import { list, text } from '../test/support/github/json.ts';
import type { GitHubServer } from '../test/support/github/start-github.ts';
import { markerKey } from './wire/seen.ts';

/** A comment of the app. */
export interface SeenComment {
  thread: number;
  key: string;
}

export interface SeenPull {
  number: number;
  /** `c<id>` or `i<number>` of the ask it is for, or ''. */
  source: string;
  state: 'open' | 'closed' | 'merged';
}

export interface SeenJob {
  id: string;
  /** Still in `jobs/queue/`, or moved to `jobs/done/`. */
  place: 'queue' | 'done';
  /** The job file on the default branch. */
  file: string;
  record: ResultRecord | null;
}

/** What GitHub shows when it is all over. */
export interface Census {
  comments: SeenComment[];
  pulls: SeenPull[];
  /** `external_id` and commit of each check run of the app, superseded ones too. */
  checks: { externalId: string; sha: string; status: string }[];
  jobs: SeenJob[];
  /** Subjects of the default branch's commits. */
  commits: string[];
  /** Ids of the entries in `reports/costs/`. */
  ledger: string[];
  /** Lines of the start-counter, by the mark of the ask: `start 0 <run> <job>`, `line 1 …`. */
  traces: Map<string, string[]>;
}

export async function takeCensus(github: GitHubServer, startsFolder: string): Promise<Census> {
  const { read } = github;
  const client = github.as('octo').client;
  const path = `/repos/${github.repository().fullName}`;
  const pulls = await read.pulls();
  const issues = await client.many(`${path}/issues?state=all&direction=asc`);
  const threads = new Set([
    ...issues.map((issue) => Number(issue.number)),
    ...pulls.map((pull) => pull.number),
  ]);
  const comments: SeenComment[] = [];
  for (const thread of threads) {
    for (const comment of await read.comments(thread)) {
      if (comment.author === github.app.botLogin)
        comments.push({ thread, key: markerKey(comment.body) ?? '' });
    }
  }
  const checks: Census['checks'] = [];
  for (const sha of new Set(pulls.map((pull) => pull.head.sha))) {
    for (const run of await read.checkRuns(sha, 'all'))
      checks.push({ externalId: text(run, 'external_id'), sha, status: text(run, 'status') });
  }
  const { jobs, ledger } = await readFiles(client, `${path}/git`, read.head() ?? '');
  const commits = (await read.commits()).map(
    (commit) => text(commit, 'commit', 'message').split('\n')[0] ?? '',
  );
  return {
    comments,
    checks,
    jobs,
    ledger,
    commits,
    pulls: pulls.map((pull) => ({
      number: pull.number,
      source: /^guruguru\/ask-([a-z]\d+)/.exec(pull.head.ref)?.[1] ?? '',
      state: pull.merged ? 'merged' : pull.state === 'open' ? 'open' : 'closed',
    })),
    traces: await readTraces(startsFolder),
  };
}

/** By blobs: the emulator walks through every tree it has for each path it is asked for. */
async function readFiles(
  client: Client,
  git: string,
  head: string,
): Promise<Pick<Census, 'jobs' | 'ledger'>> {
  const tree = await client.one('GET', `${git}/trees/${head}?recursive=1`);
  const blobs = new Map(list(tree, 'tree').map((entry) => [text(entry, 'path'), text(entry, 'sha')]));
  const read = async (path: string) => {
    const sha = blobs.get(path);
    if (sha === undefined) return undefined;
    const blob = await client.one('GET', `${git}/blobs/${sha}`);
    return Buffer.from(text(blob, 'content'), 'base64').toString();
  };
  const jobs: SeenJob[] = [];
  const ledger: string[] = [];
  for (const path of blobs.keys()) {
    if (/^reports\/costs\/.*\.json$/.test(path))
      ledger.push(...(parseMonth((await read(path)) ?? '')?.entries ?? []).map((entry) => entry.id));
    const [, place, id = ''] = /^jobs\/(queue|done)\/(?:[^/]+\/)?([^/]+)\.json$/.exec(path) ?? [];
    if (place !== 'queue' && place !== 'done') continue;
    const record = await read(`reports/jobs/${id}.json`);
    jobs.push({
      id,
      place,
      file: (await read(path)) ?? '',
      record: record === undefined ? null : parseRecord(record),
    });
  }
  return { jobs, ledger };
}

async function readTraces(folder: string): Promise<Map<string, string[]>> {
  const traces = new Map<string, string[]>();
  for (const name of await readdir(folder)) {
    const lines = (await readFile(join(folder, name), 'utf8')).split('\n');
    traces.set(name, lines.filter(Boolean));
  }
  return traces;
}

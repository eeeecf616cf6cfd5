import { cancelJob } from '../dispatch/cancel.ts';
import { admitSchedules, endSchedule, keepSchedule } from '../gate/admit-schedules.ts';
import { mayApproveAlone } from '../gate/approvals.ts';
import { judgedSchedule, SCHEDULE_FILE } from '../gate/find-schedules.ts';
import { observePull } from '../gate/observe-pull.ts';
import { restoreAsk } from '../gate/restore-ask.ts';
import { publishCommitComment } from '../github/publish.ts';
import { parseTickId, schedulePath } from '../job/tick-id.ts';
import { messagesFor } from '../messages/messages.ts';
import { healthPath } from '../report/commit-ticks.ts';
import { reportsBranch } from '../report/reports-branch.ts';
import { issueKey } from '../report/say-schedule.ts';
import { type Health, parseHealth } from '../schedule/health.ts';
import { intend } from '../store/published.ts';
import { getPull } from '../store/pulls.ts';
import { pullData } from '../store/row-data.ts';
import { getSchedule, listSchedules, listUnrecordedTicks, patchSchedule } from '../store/schedules.ts';
import { enqueue } from '../store/work.ts';
import { ticksKey } from './schedule-row.ts';
import type { WorkContext, WorkResult } from './work.ts';

/**
 * `schedules:<repo>`: compares `jobs/schedules/` on the default branch with our rows: after a start, a push that
 * said too little, or the loss of the database. What a PR brought is admitted by that PR's rules; what was
 * pushed past one is not, which is said.
 */
export async function workOnSchedules(c: WorkContext): Promise<WorkResult> {
  const { client, repo, signal, store } = c;
  const head = await client.branchHead(repo.default_branch, signal);
  if (head === null) return 'done';
  const files = await scheduleFiles(c, head);
  for (const row of await listSchedules(store.db, repo.id)) {
    if (row.state === 'active' && !files.has(row.name))
      await store.write((tx) => endSchedule(tx, c, row.name, null));
  }
  for (const [name, blobSha] of files) await compare(c, name, blobSha, null);
  return 'done';
}

/** `schedule-file:<repo>:<name>:<login>`: a push to the default branch changed one file; no login: not a person's. */
export async function workOnScheduleFile(c: WorkContext): Promise<WorkResult> {
  const [, name = '', pusher = ''] = c.rest.split(':');
  const file = await c.client.readFile(schedulePath(name), c.repo.default_branch, c.signal);
  if (file) await compare(c, name, file.blobSha, pusher === '' ? null : pusher);
  else await c.store.write((tx) => endSchedule(tx, c, name, pusher || null));
  return 'done';
}

/** Blobs of the files in `jobs/schedules/` by the name of their schedule. */
async function scheduleFiles(c: WorkContext, head: string): Promise<Map<string, string>> {
  let tree = await c.client.tree(head, { recursive: false }, c.signal);
  for (const folder of ['jobs', 'schedules']) {
    const found = tree.entries.find((entry) => entry.path === folder && entry.type === 'tree');
    if (!found) return new Map();
    tree = await c.client.tree(found.sha, { recursive: false }, c.signal);
  }
  if (tree.truncated) throw new Error('jobs/schedules/ holds more files than GitHub lists');
  return new Map(
    tree.entries.flatMap(({ path, sha, type }): [string, string][] => {
      const name = SCHEDULE_FILE.exec(`jobs/schedules/${path}`)?.[1];
      return name !== undefined && type === 'blob' ? [[name, sha]] : [];
    }),
  );
}

async function compare(c: WorkContext, name: string, blobSha: string, pusher: string | null): Promise<void> {
  const { client, repo, signal, store } = c;
  const row = await getSchedule(store.db, repo.id, name);
  if (row?.state !== 'active' || row.blob_sha !== blobSha) {
    const by = await client.broughtBy(schedulePath(name), repo.default_branch, signal);
    if (!by) return;
    if (by.pull === null) await takePushed(c, name, by.commit, pusher);
    else await takeMerged(c, by.pull);
  }
  await restoreHealth(c, name);
}

async function takeMerged(c: WorkContext, number: number): Promise<void> {
  const known = await getPull(c.store.db, c.repo.id, number);
  // It was looked at, and what is not in force was refused then.
  if (pullData(known).settled === 'merged') return;
  if (known) return c.store.write((tx) => enqueue(tx, `pr:${c.repo.id}:${number}`));
  await restoreAsk(c, await c.client.pull(number, c.signal), null);
  const seen = await observePull(c, number, { reviews: false, settled: false });
  // What was approved is not known any more, but the app merges nothing else.
  if (seen && seen !== 'being_proposed' && seen.facts.merged)
    await admitSchedules(c, seen, { recalled: true, quiet: true });
}

/** With `gate.direct_push: run` a push by a person who may approve is an approval; without, it is said that it is none. */
async function takePushed(
  c: WorkContext,
  name: string,
  commit: string,
  pusher: string | null,
): Promise<void> {
  const path = schedulePath(name);
  const file = await c.client.readFile(path, c.repo.default_branch, c.signal);
  if (!file) return;
  const { gate, dispatch } = c.settings;
  const approves = pusher !== null && gate.directPush === 'run' && dispatch === 'app';
  if (approves && pusher !== null && (await mayApproveAlone(c, pusher))) {
    const found = judgedSchedule(c, { path, bytes: file.bytes, blobSha: file.blobSha, change: 'added' });
    if (found.schedule && !found.findings.some(({ severity }) => severity === 'failure')) {
      const approval = { login: pusher, how: 'push' as const, sha: commit };
      return c.store.write((tx) => keepSchedule(tx, c, found, approval, null));
    }
  }
  const m = messagesFor(c.settings.language === 'ja' ? 'ja' : 'en');
  const key = `pushed-schedule:${c.repo.id}:${name}:${commit}`;
  await publishCommitComment(c, { commit, key, body: m.schedulePushed({ name }) });
}

/** What the repository knows of a schedule's results and our rows do not: they are new, or from an old backup. */
async function restoreHealth(c: WorkContext, name: string): Promise<void> {
  const row = await getSchedule(c.store.db, c.repo.id, name);
  if (row?.state !== 'active') return;
  const known = parseHealth(row.health);
  for (const ref of [c.repo.default_branch, await reportsBranch(c)]) {
    if (ref === null) continue;
    const file = await c.client.readFile(healthPath(name), ref, c.signal);
    const told = file && parseHealth(file.text);
    if (!told || timeOf(told) <= timeOf(known)) continue;
    const now = c.now();
    await c.store.write(async (tx) => {
      // What ran in the time our rows do not know is not run again.
      await patchSchedule(tx, c.repo.id, name, {
        health: JSON.stringify({ ...told, waiting: null }),
        since: now,
      });
      // It ran in that time, or something newer did.
      for (const { id, at, state } of await listUnrecordedTicks(tx, c.repo.id, name))
        if (state === 'open' && at <= timeOf(told)) await cancelJob(tx, c.repo.id, id, 'schedule', now);
      for (const key of [issueKey(c.repo.id, name), ...told.pending.map((word) => wordKey(c, word))])
        await intend(tx, key);
      await enqueue(tx, ticksKey(c.repo.id, name));
    });
    return;
  }
}

function wordKey(c: WorkContext, { kind, tick }: Health['pending'][number]): string {
  return `schedule:${c.repo.id}:${tick}:${kind}`;
}

function timeOf({ last }: Health): number {
  return last === null ? 0 : (parseTickId(last)?.at ?? 0);
}

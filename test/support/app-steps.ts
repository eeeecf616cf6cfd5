import type { TestApp } from './app.ts';
import { WORKDIR } from './app.ts';
import type { Pull } from './github/person.ts';

/** A job file as a person would write it. */
export function jobFile(id: string, changes: Record<string, unknown> = {}): string {
  const job = {
    id,
    kind: 'run_shell',
    workdir: WORKDIR,
    script: ['echo hello'],
    dod: 'exit_code == 0',
    report_path: `reports/jobs/${id}.out`,
    ...changes,
  };
  return `${JSON.stringify(job, null, 2)}\n`;
}

export const fence = (...lines: string[]) => `\`\`\`sh\n${lines.join('\n')}\n\`\`\``;

/** An issue with one ask on it. Resolves to its number, once nothing is due any more. */
export async function ask(t: TestApp, text: string, login = 'writer'): Promise<number> {
  const issue = await t.github.as('octo').openIssue({ title: 'Smoke' });
  await t.github.as(login).comment(issue, text);
  await t.settle();
  return issue;
}

/** The open job PR that an issue's status comment links. */
export async function pullOf(t: TestApp, issue: number): Promise<Pull> {
  const [status] = await t.marked(issue, 'status');
  const number = /\/pull\/(\d+)\)/.exec(status?.body ?? '')?.[1];
  // Edits of the status comment may be due only later; the PR's body names the issue too.
  const pulls = await t.github.read.pulls();
  const found = number
    ? pulls.find((pull) => pull.number === Number(number))
    : pulls.findLast((pull) => pull.body.includes(`/issues/${issue}#`));
  if (!found) throw new Error(`no job PR came of issue ${issue}: ${status?.body}`);
  return found;
}

/** An ask whose job PR waits for a person; for repositories with `gate.fenced: approve`. */
export async function waitingPull(
  t: TestApp,
  login = 'writer',
): Promise<{ issue: number; pull: Pull; id: string }> {
  const issue = await ask(t, `/ask list files\n${fence('ls')}`, login);
  const pull = await pullOf(t, issue);
  return { issue, pull, id: jobIdOf(pull) };
}

/** The id in the title or body of a job PR. */
export function jobIdOf(pull: Pull): string {
  const id = /\d{4}-\d\d-\d\d-\d{3,}/.exec(`${pull.title}\n${pull.body}`)?.[0];
  if (!id) throw new Error(`PR ${pull.number} names no job id: ${pull.title}`);
  return id;
}

export async function merged(t: TestApp, pull: { number: number }): Promise<boolean> {
  await t.settle();
  return (await t.github.read.pull(pull.number)).merged;
}

/** A check run of a commit by name: `validate` or a job id. */
export async function check(t: TestApp, sha: string, name: string) {
  const runs = await t.github.read.checkRuns(sha);
  const run = runs.find((one) => one.name === `guruguru / ${name}`);
  if (!run) return undefined;
  const output = run.output as { title: string; summary: string; text?: string };
  return {
    id: Number(run.id),
    status: String(run.status),
    conclusion: run.conclusion === null ? null : String(run.conclusion),
    output,
  };
}

/** The state of a job in the app's rows. */
export async function jobState(t: TestApp, id: string): Promise<string | undefined> {
  const row = await t
    .app()
    .store.db.selectFrom('jobs')
    .select('state')
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.state;
}

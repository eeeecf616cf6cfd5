import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Prompts {
  /** System prompt of the planner, without its front matter. */
  plan: string;
  /** System prompt for what a result contradicts. */
  contradiction: string;
  /** System prompt for `/goal`, with the planner's rules for jobs. */
  goal: string;
  /** System prompt for what follows a goal's report, with the same rules. */
  goalNext: string;
  /** Sent with the errors of an invalid plan; `{{errors}}` stands for them. */
  repair: string;
  /** `sha256:<hex>` over the bytes of all prompt files in name order. */
  digest: string;
  /** Version in plan.md's front matter. */
  version: string;
}

const PACKAGE_PROMPTS = fileURLToPath(new URL('../../prompts/', import.meta.url));
const FRONT_MATTER = /^---\n([\s\S]*?)\n---\n/;

/**
 * Reads the package's `prompts/`, or `folder`.
 *
 * @throws Error naming the file and what is wrong with it
 */
export async function loadPrompts(folder = PACKAGE_PROMPTS): Promise<Prompts> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.md')).sort();
  const files = new Map<string, string>();
  const hash = createHash('sha256');
  for (const name of names) {
    const bytes = await readFile(join(folder, name));
    // The name and the length keep two files apart that share bytes at their border.
    hash.update(`${name}\0${bytes.length}\0`).update(bytes);
    files.set(name, bytes.toString('utf8').replaceAll('\r\n', '\n'));
  }
  const plan = prompt(files, folder, 'plan.md');
  const repair = prompt(files, folder, 'repair.md');
  if (!repair.text.includes('{{errors}}')) {
    throw new Error(`${join(folder, 'repair.md')}: has no {{errors}}; put it where the errors belong`);
  }
  return {
    plan: plan.text,
    contradiction: prompt(files, folder, 'contradiction.md').text,
    goal: withRules(prompt(files, folder, 'goal.md').text, plan.text),
    goalNext: withRules(prompt(files, folder, 'goal-next.md').text, plan.text),
    repair: repair.text,
    digest: `sha256:${hash.digest('hex')}`,
    version: plan.version,
  };
}

function prompt(files: Map<string, string>, folder: string, name: string): { text: string; version: string } {
  const source = files.get(name);
  if (source === undefined) throw new Error(`${join(folder, name)}: is missing`);
  const front = FRONT_MATTER.exec(source);
  const version = front?.[1]?.match(/^version:\s*(\S+)\s*$/m)?.[1];
  if (!front || version === undefined) {
    throw new Error(`${join(folder, name)}: must start with front matter that has a "version:" line`);
  }
  const text = source.slice(front[0].length).trim();
  if (text === '') throw new Error(`${join(folder, name)}: says nothing below its front matter`);
  return { text, version };
}

/** From here on the planner's prompt holds for every job, whoever plans it. */
const RULES = '# Who says what';

function withRules(text: string, plan: string): string {
  const from = plan.indexOf(RULES);
  return from < 0 ? text : `${text}\n\n${plan.slice(from)}`;
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkDod } from '../../src/job/dod.ts';
import { loadPrompts } from '../../src/plan/prompts.ts';

const PLAN = '---\nversion: 7\n---\nPlan.\n';
const REPAIR = '---\nversion: 1\n---\nMend {{errors}}\n';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prompts-'));
  await put(PLAN, REPAIR);
});
afterEach(() => rm(folder, { recursive: true }));

async function put(plan: string, repair: string): Promise<void> {
  await writeFile(join(folder, 'plan.md'), plan);
  await writeFile(join(folder, 'repair.md'), repair);
  await writeFile(join(folder, 'contradiction.md'), '---\nversion: 1\n---\nCompare.\n');
  await writeFile(join(folder, 'goal.md'), '---\nversion: 1\n---\nGoal.\n');
  await writeFile(join(folder, 'goal-next.md'), '---\nversion: 1\n---\nNext.\n');
}

describe('loadPrompts', () => {
  it('reads text, version and digest', async () => {
    expect(await loadPrompts(folder)).toEqual({
      plan: 'Plan.',
      contradiction: 'Compare.',
      goal: 'Goal.',
      goalNext: 'Next.',
      repair: 'Mend {{errors}}',
      version: '7',
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    });
  });

  it('gives another digest for any other byte', async () => {
    const digests = [(await loadPrompts(folder)).digest];
    await put(PLAN, `${REPAIR} `);
    digests.push((await loadPrompts(folder)).digest);
    await put(`${PLAN} `, REPAIR);
    digests.push((await loadPrompts(folder)).digest);
    expect(new Set(digests).size).toBe(3);
  });

  it.each([
    ['front matter', 'Plan.', REPAIR, /plan\.md.*front matter/],
    ['a version', '---\nname: x\n---\nPlan.', REPAIR, /plan\.md.*version/],
    ['text', '---\nversion: 1\n---\n\n', REPAIR, /plan\.md.*nothing/],
    ['a place for the errors', PLAN, PLAN, /repair\.md.*\{\{errors\}\}/],
  ])('names the file without %s', async (_, plan, repair, message) => {
    await put(plan, repair);
    await expect(loadPrompts(folder)).rejects.toThrow(message);
  });

  it('names a file that is missing', async () => {
    await rm(join(folder, 'repair.md'));
    await expect(loadPrompts(folder)).rejects.toThrow(/repair\.md: is missing/);
  });
});

describe('prompts/plan.md', () => {
  it('shows only definitions of done that the app takes', async () => {
    const { plan } = await loadPrompts();
    const examples = [...plan.matchAll(/^- .*: `(.*)`$/gm)].map((match) => match[1] ?? '');
    expect(examples.length).toBeGreaterThanOrEqual(5);
    expect(examples.map((example) => [example, checkDod(example)])).toEqual(
      examples.map((example) => [example, null]),
    );
  });
});

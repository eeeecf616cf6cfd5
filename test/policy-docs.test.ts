import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { RULES } from '../src/job/rules.ts';
import { parseSettings } from '../src/job/settings.ts';
import { SETTINGS_HINTS, settingsSchema } from '../src/job/settings-schema.ts';

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');
const text = read('docs/policy.md');
const examples = [...`${text}\n${read('docs/costs.md')}`.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(
  (match) => match[1] ?? '',
);

describe('docs/policy.md', () => {
  it('and docs/costs.md show settings that parse', () => {
    expect(examples.length).toBeGreaterThan(1);
    for (const example of examples) expect(parseSettings(example)).toMatchObject({ ok: true });
  });

  it('names every rule with its default effect, and no other', () => {
    const listed = [...text.matchAll(/^\| `([a-z-]+)` \| (allow|warn|deny) \|/gm)].map((match) => [
      match[1],
      match[2],
    ]);
    expect(Object.fromEntries(listed)).toEqual(
      Object.fromEntries(Object.entries(RULES).map(([name, { effect }]) => [name, effect])),
    );
  });

  it('or the README, or docs/costs.md, names every setting', () => {
    const both = `${text}\n${read('README.md')}\n${read('docs/costs.md')}`;
    const sections = ['rules', 'commands'];
    const keys = [...Object.keys(settingsSchema.shape), ...Object.keys(SETTINGS_HINTS)]
      .filter((key) => !/\[\]| key$|\.\*$/.test(key) && !/^rules\./.test(key))
      .filter(
        (key) => sections.includes(key) || !Object.keys(SETTINGS_HINTS).some((k) => k.startsWith(`${key}.`)),
      );
    const known = (key: string) => both.includes(`\`${key}\``) || both.includes(`\`.${key.split('.')[1]}\``);
    expect(keys.filter((key) => !known(key))).toEqual([]);
  });
});

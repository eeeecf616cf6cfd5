import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../src/', import.meta.url));

/** Design, section 3: imports point down only, and stages of floor 2 do not import one another. */
const FLOORS: Record<string, number> = {
  job: 0,
  messages: 0,
  store: 1,
  github: 1,
  llm: 1,
  ask: 2,
  plan: 2,
  gate: 2,
  dispatch: 2,
  report: 2,
  schedule: 2,
  runner: 2,
};
/** The wire's shapes are the one thing a runner shares with the app. */
const ALLOWED = new Set(['runner → dispatch/protocol.ts']);

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

/** Relative imports of a file, static, dynamic and type-only, as paths below src/. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+\.ts)'/g)].map((match) =>
    relative(SRC, join(SRC, dirname(file), match[1] ?? '')),
  );
}

const stageOf = (file: string) => (file.includes('/') ? (file.split('/')[0] ?? '') : '');
const floorOf = (file: string) => FLOORS[stageOf(file)] ?? 3;

describe('the floors', () => {
  it('knows every folder', () => {
    const known = [...Object.keys(FLOORS), 'loop', 'cli', ''];
    expect([...new Set(files.map(stageOf))].filter((stage) => !known.includes(stage))).toEqual([]);
  });

  it('imports point down, and no stage imports another', () => {
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => stageOf(target) !== stageOf(file))
        .filter((target) => {
          const [from, to] = [floorOf(file), floorOf(target)];
          return to > from || (to === from && from === 2);
        })
        .filter((target) => !ALLOWED.has(`${stageOf(file)} → ${target}`))
        .map((target) => `${file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('the runner knows nothing of the app', () => {
    const wrong = files
      .filter((file) => stageOf(file) === 'runner')
      .flatMap((file) => importsOf(file).map((target) => ({ file, target })))
      .filter(
        ({ target }) => !['runner', 'job'].includes(stageOf(target)) && target !== 'dispatch/protocol.ts',
      )
      .filter(({ target }) => target !== 'version.ts');
    expect(wrong).toEqual([]);
  });

  it('has no import cycle, type-only imports included', () => {
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: string[]) => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      if (done.has(file) || path.includes(file)) return;
      for (const target of importsOf(file)) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it('keeps every file short enough to read at once', () => {
    const long = files
      .map((file) => ({ file, lines: readFileSync(join(SRC, file), 'utf8').split('\n').length }))
      .filter(({ lines }) => lines > 400);
    expect(long).toEqual([]);
  });
});

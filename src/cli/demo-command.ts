import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../config.ts';

export interface DemoOptions {
  /** `loop`: three asks. `morning`: a schedule, a goal, an agent and the ledger over three days. */
  story: 'loop' | 'morning';
  json?: boolean;
  keep?: boolean;
}

interface Morning {
  playMorning(options: { json: boolean }): Promise<number>;
}

interface Play {
  play(options: {
    json: boolean;
    keep: boolean;
    model: { key: string; url: string | undefined; name: string | undefined } | null;
  }): Promise<number>;
}

/** The demo stands beside the product, with the emulators it needs: in a clone, after `npm ci`. */
export async function demoCommand(environment: Environment, options: DemoOptions): Promise<number> {
  const file = options.story === 'morning' ? 'morning' : 'play';
  const script = [`../../demo/${file}.ts`, `../../demo/${file}.js`]
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url));
  if (!script) {
    console.error(
      `The demo is not part of the installed package (looked beside ${fileURLToPath(new URL('../../', import.meta.url))}): clone the repository, then npm ci && npm run demo.`,
    );
    return 1;
  }
  if (options.story === 'morning') {
    const { playMorning } = (await import(script.href)) as Morning;
    return playMorning({ json: options.json ?? false });
  }
  const { play } = (await import(script.href)) as Play;
  const key = environment.OPENAI_API_KEY;
  return play({
    json: options.json ?? false,
    keep: options.keep ?? false,
    model: key ? { key, url: environment.OPENAI_BASE_URL, name: environment.GURUGURU_MODEL } : null,
  });
}

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type FixtureResponse, LLMock } from '@copilotkit/aimock';

const VERSION = '0.169.0';
/** Codex refuses a home below the temporary folder, and its sandbox lets commands write there. */
export const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'guruguru');

/**
 * The folder of the real Codex CLI's program; installed from npm the first time (404 MB, seconds) into a cache
 * outside the repository. null, with the reason printed, where that cannot be done: then its tests are skipped.
 */
export function installCodex(): string | null {
  const folder = join(CACHE, `codex-${VERSION}`);
  const bin = join(folder, 'node_modules', '.bin');
  try {
    if (!existsSync(join(bin, 'codex'))) {
      mkdirSync(CACHE, { recursive: true });
      const draft = mkdtempSync(join(CACHE, 'installing-'));
      const started = performance.now();
      const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefix', draft];
      execFileSync('npm', ['install', ...options, `@openai/codex@${VERSION}`], {
        stdio: 'pipe',
        timeout: 180_000,
      });
      rmSync(folder, { recursive: true, force: true });
      renameSync(draft, folder);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(`the Codex CLI ${VERSION} was installed into ${folder} in ${seconds} s`);
    }
    execFileSync(join(bin, 'codex'), ['--version'], { stdio: 'pipe', timeout: 30_000 });
    return bin;
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    console.log(
      `skipped: the tests with the real Codex CLI, which could not be installed into ${folder}: ${why}`,
    );
    return null;
  }
}

/** One turn of the model: a command that Codex is to run, or its last words. */
export type Turn = { run: string } | { say: string };

export interface CodexModel {
  /** For GURUGURU_CODEX_CONFIG. `CODEX_API_KEY` is its key. */
  config: string[];
  close(): Promise<void>;
}

/** A model on the OpenAI wire that answers with these turns, one a request. */
export async function startCodexModel(turns: readonly Turn[]): Promise<CodexModel> {
  let next = 0;
  const mock = new LLMock({ port: 0, host: '127.0.0.1', journalMaxEntries: 1 });
  mock.addFixture({
    match: {},
    response: (): FixtureResponse => {
      const turn = turns[Math.min(next, turns.length - 1)] ?? { say: 'nothing' };
      next += 1;
      const usage = { input_tokens: 100, output_tokens: 20 };
      if ('say' in turn) return { content: turn.say, usage };
      const args = JSON.stringify({ cmd: turn.run, login: false });
      return { toolCalls: [{ name: 'exec_command', arguments: args }], usage };
    },
  });
  await mock.start();
  return { config: providerConfig(`${mock.url}/v1`), close: () => mock.stop() };
}

/** A model that takes every request and never answers. */
export async function startSilentModel(): Promise<CodexModel & { asked: Promise<void> }> {
  const server = createServer();
  const asked = new Promise<void>((resolve) => {
    server.on('request', () => resolve());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    config: providerConfig(`http://127.0.0.1:${port}/v1`),
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function providerConfig(url: string): string[] {
  return [
    'model_provider="mock"',
    `model_providers.mock={name="mock",base_url="${url}",wire_api="responses",env_key="CODEX_API_KEY",request_max_retries=0,stream_max_retries=0}`,
  ];
}

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI from 'openai';
import type { AppConfig } from '../../config.ts';
import { RUNNER_LIVE_MS } from '../../store/runners.ts';
import { openStore, type Reader, type StorePlace } from '../../store/store.ts';
import { type DoctorFinding, failure, ok, unknown, warning } from './finding.ts';

/** The model answers to its name. Reading the model costs nothing; endpoints without that call are `unknown`. */
export async function checkModel(config: AppConfig): Promise<DoctorFinding> {
  if (!config.model) {
    return warning(
      'model',
      'no OPENAI_API_KEY: fenced asks work, asks in prose are answered with how to go on',
      'Set OPENAI_API_KEY (and OPENAI_BASE_URL for another endpoint).',
    );
  }
  const { name, apiKey, baseUrl } = config.model;
  const client = new OpenAI({
    apiKey,
    baseURL: baseUrl ?? undefined,
    organization: null,
    project: null,
    maxRetries: 0,
    timeout: 15_000,
    logLevel: 'off',
  });
  try {
    const answer: unknown = await client.models.retrieve(name);
    if (typeof answer === 'object' && answer !== null && 'id' in answer)
      return ok('model', `${name} answers`);
    return failure('model', 'the endpoint answers, but not as a model API does', 'Check OPENAI_BASE_URL.');
  } catch (error) {
    if (error instanceof OpenAI.AuthenticationError || error instanceof OpenAI.PermissionDeniedError)
      return failure('model', 'the endpoint refuses the key', 'Check OPENAI_API_KEY and OPENAI_BASE_URL.');
    if (error instanceof OpenAI.NotFoundError && !baseUrl)
      return failure('model', `there is no model ${name} for this key`, 'Set GURUGURU_MODEL to one that is.');
    if (error instanceof OpenAI.APIError && error.status)
      return unknown(
        'model',
        `the endpoint does not tell about ${name} (HTTP ${error.status})`,
        'Write a small /ask to be sure.',
      );
    return failure(
      'model',
      `the endpoint cannot be reached: ${(error as Error).message}`,
      'Check OPENAI_BASE_URL and the network.',
    );
  }
}

/** The database, and the runners the app has heard of; works beside a running app. */
export async function checkStore(place: StorePlace, now: number): Promise<DoctorFinding[]> {
  let store: Awaited<ReturnType<typeof openStore>>;
  try {
    if (!place.databaseUrl) statSync(join(place.dataDir, 'guruguru.sqlite'));
    store = await openStore({ ...place, exclusive: false });
  } catch (error) {
    const { name, message } = error as Error;
    if (place.databaseUrl) return [failure('database', message, 'See DATABASE_URL in .env.example.')];
    if (name === 'StoreVersionError') return [failure('database', message, 'Restart the app.')];
    return [
      unknown(
        'runner',
        `no database in ${place.dataDir}: ${message}`,
        'Start the app once, or set GURUGURU_DATA_DIR.',
      ),
    ];
  }
  try {
    const { apps } = store.others();
    const database = ok('database', `it is good; apps connected: ${apps}`);
    return [...(place.databaseUrl ? [database] : []), ...(await checkRunners(store.db, now))];
  } finally {
    await store.close();
  }
}

async function checkRunners(db: Reader, now: number): Promise<DoctorFinding[]> {
  const tokens = await db
    .selectFrom('tokens')
    .select(['id', 'name'])
    .where('revoked_at', 'is', null)
    .execute();
  if (tokens.length === 0)
    return [
      warning(
        'runner',
        'no runner token was made',
        'Make one: guruguru token create devbox --repo owner/name',
      ),
    ];
  const runners = await db.selectFrom('runners').selectAll().orderBy('seen_at', 'desc').execute();
  const live = runners.filter((runner) => now - runner.seen_at < RUNNER_LIVE_MS && !runner.draining);
  if (live.length > 0)
    return live.map((runner) =>
      ok(
        'runner',
        `${runner.name} is live (${(JSON.parse(runner.labels) as string[]).join(', ') || 'no labels'})`,
      ),
    );
  const last = runners[0];
  const seen = last
    ? `last heard: ${last.name} at ${new Date(last.seen_at).toISOString()}`
    : 'none was ever heard';
  return [
    warning(
      'runner',
      `no runner is live; ${seen}`,
      'Start it: guruguru runner (see the README), and look at its log.',
    ),
  ];
}

/** A job must not be able to read the App's key: the runner has an OS user of its own. Linux only. */
export function checkUsers(procDir = '/proc', uid = process.getuid?.()): DoctorFinding {
  const check = 'users';
  if (uid === undefined)
    return unknown(check, 'this system has no user ids', 'Run app and runner as two users.');
  let pids: string[];
  try {
    pids = readdirSync(procDir).filter((name) => /^\d+$/.test(name));
  } catch {
    return unknown(
      check,
      'the processes of this machine cannot be listed',
      'Check with `ps` that app and runner run as two users.',
    );
  }
  const users = { app: new Set<number>(), runner: new Set<number>() };
  for (const pid of pids) {
    const role = roleOf(join(procDir, pid));
    if (role) users[role.name].add(role.uid);
  }
  const shared = [...users.runner].filter(
    (user) => users.app.has(user) || (users.app.size === 0 && user === uid),
  );
  if (shared.length > 0) {
    return warning(
      check,
      "app and runner run as one OS user, so a job can read the App's key",
      'Run the runner as a user of its own, see README, "Go live".',
    );
  }
  if (users.runner.size === 0) return ok(check, 'no runner runs on this machine');
  return ok(check, 'app and runner run as different OS users');
}

function roleOf(dir: string): { name: 'app' | 'runner'; uid: number } | null {
  try {
    const words = readFileSync(join(dir, 'cmdline'), 'utf8').split('\0');
    const at = words.findIndex((word) => /(^|\/)(guruguru(\.js)?|cli\.[jt]s)$/.test(word));
    const name = at < 0 ? undefined : words[at + 1];
    if (name !== 'app' && name !== 'runner') return null;
    return { name, uid: statSync(dir).uid };
  } catch {
    return null;
  }
}

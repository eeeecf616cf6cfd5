import { existsSync } from 'node:fs';
import { loadEnvFile } from 'node:process';
import { ConfigError, type Environment, parseAppConfig } from '../config.ts';
import { createOctokits } from '../github/octokit.ts';
import { VERSION } from '../version.ts';
import { checkApp } from './doctor/check-app.ts';
import { checkIngress } from './doctor/check-ingress.ts';
import { checkModel, checkStore, checkUsers } from './doctor/check-machine.ts';
import { checkRepository } from './doctor/check-repository.ts';
import { type DoctorFinding, failure } from './doctor/finding.ts';

const SIGNS = { ok: '✓', warning: '!', failure: '✗', unknown: '?' } as const;

/** Prints each finding with its remedy. Exit code 1 when something fails, 0 otherwise. */
export async function doctorCommand(
  environment: Environment,
  options: { repo?: string[]; json?: boolean },
): Promise<number> {
  if (existsSync('.env')) loadEnvFile('.env');
  const findings = await examine(environment, options.repo ?? []);
  for (const { check, level, message, remedy } of findings) {
    console.log(`${SIGNS[level]} ${check}: ${message}${remedy ? `\n    → ${remedy}` : ''}`);
  }
  const healthy = findings.every((finding) => finding.level !== 'failure');
  if (options.json) console.log(JSON.stringify({ ok: healthy, findings }));
  return healthy ? 0 : 1;
}

async function examine(environment: Environment, repositories: string[]): Promise<DoctorFinding[]> {
  try {
    const config = parseAppConfig(environment);
    const { credentials } = config;
    const machine = [await checkModel(config), ...(await checkStore(config, Date.now())), checkUsers()];
    if (!credentials) {
      return [
        failure(
          'credentials',
          'none are set',
          'Run `npm start` and open the page it names to register the App.',
        ),
        ...machine,
      ];
    }
    const octokits = createOctokits({
      appId: credentials.appId,
      privateKey: credentials.privateKey,
      baseUrl: config.githubApiUrl,
      version: VERSION,
      log: { debug() {}, info() {}, warn() {}, error() {} },
    });
    const signal = AbortSignal.timeout(60_000);
    const app = await checkApp(octokits);
    const known = app.every(({ check, level }) => check !== 'credentials' || level === 'ok');
    const ingress = known ? await checkIngress(octokits, config, signal) : [];
    const perRepository = await Promise.all(
      repositories.map((name) => checkRepository(octokits, name, signal)),
    );
    return [...app, ...ingress, ...perRepository.flat(), ...machine];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) =>
      failure('settings', problem, 'See .env.example for every variable.'),
    );
  }
}

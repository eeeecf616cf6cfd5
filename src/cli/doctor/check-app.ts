import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Octokits } from '../../github/octokit.ts';
import { packageFile } from '../package-file.ts';
import { type DoctorFinding, failure, ok, warning } from './finding.ts';

interface Manifest {
  default_permissions: Record<string, string>;
  default_events: string[];
}

const RANK: Record<string, number> = { read: 1, write: 2, admin: 3 };

/** What app.yml asks for; the App must have been granted it. */
export function manifest(): Manifest {
  return parse(readFileSync(packageFile('app.yml'), 'utf8')) as Manifest;
}

/** The permissions of app.yml that are missing or too low in `granted`. */
export function missingPermissions(
  wanted: Record<string, string>,
  granted: Record<string, unknown>,
): string[] {
  return Object.entries(wanted)
    .filter(([name, level]) => (RANK[String(granted[name])] ?? 0) < (RANK[level] ?? 0))
    .map(([name, level]) => `${name}: ${level}`);
}

/** Credentials, permissions and events of the App and of each of its installations. */
export async function checkApp(octokits: Octokits): Promise<DoctorFinding[]> {
  const wanted = manifest();
  try {
    const { data } = await octokits.app.rest.apps.getAuthenticated();
    if (!data) throw new Error('GitHub named no App');
    return [
      ok('credentials', `GitHub knows the App as ${data.slug} (id ${data.id})`),
      checkGranted(wanted, data),
      ...(await checkInstallations(octokits, wanted)),
    ];
  } catch (error) {
    return [
      failure(
        'credentials',
        `GitHub refuses the App: ${(error as Error).message}`,
        'Check APP_ID, PRIVATE_KEY_PATH (or PRIVATE_KEY), GITHUB_API_URL, and that this clock is right.',
      ),
    ];
  }
}

function checkGranted(
  wanted: Manifest,
  app: { permissions: Record<string, unknown>; events: string[] },
): DoctorFinding {
  const missing = missingPermissions(wanted.default_permissions, app.permissions);
  const events = wanted.default_events.filter((event) => !app.events.includes(event));
  return missing.length + events.length === 0
    ? ok('permissions', 'the App has every permission and event of app.yml')
    : failure(
        'permissions',
        `the App lacks ${[...missing, ...events.map((event) => `the event ${event}`)].join(', ')}`,
        "Add them on the App's settings page under Permissions & events, then accept the change in each installation.",
      );
}

async function checkInstallations(octokits: Octokits, wanted: Manifest): Promise<DoctorFinding[]> {
  const { data } = await octokits.app.rest.apps.listInstallations({ per_page: 100 });
  if (data.length === 0) {
    return [
      failure(
        'installation',
        'the App is installed nowhere',
        "Install it from the App's page on GitHub, on the repositories it is to serve.",
      ),
    ];
  }
  return data.map((installation) => {
    const account =
      installation.account && 'login' in installation.account
        ? installation.account.login
        : `installation ${installation.id}`;
    if (installation.suspended_at) {
      return warning(
        'installation',
        `the installation on ${account} is suspended`,
        'An owner can unsuspend it in the settings under GitHub Apps.',
      );
    }
    const missing = missingPermissions(
      wanted.default_permissions,
      installation.permissions as Record<string, unknown>,
    );
    return missing.length === 0
      ? ok('installation', `installed on ${account}`)
      : failure(
          'installation',
          `the installation on ${account} has not accepted ${missing.join(', ')}`,
          'An owner accepts it in the settings under GitHub Apps.',
        );
  });
}

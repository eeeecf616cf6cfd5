import { createBudget } from '../../github/budget.ts';
import type { Octokits } from '../../github/octokit.ts';
import { createRepositoryClient, type RepositoryClient } from '../../github/repository-client.ts';
import { renderFinding } from '../../job/finding.ts';
import { parseSettings, type Settings } from '../../job/settings.ts';
import { type DoctorFinding, failure, ok, unknown, warning } from './finding.ts';

const SETTINGS = '.github/guruguru.yml';

/** Settings, trigger-word clash and protection of one repository. */
export async function checkRepository(
  octokits: Octokits,
  fullName: string,
  signal: AbortSignal,
): Promise<DoctorFinding[]> {
  const check = `repository ${fullName}`;
  const [owner = '', name = ''] = fullName.split('/');
  let client: RepositoryClient;
  let branch: string;
  try {
    const { data: installation } = await octokits.app.rest.apps.getRepoInstallation({ owner, repo: name });
    client = createRepositoryClient({
      octokit: octokits.installation(installation.id),
      owner,
      name,
      repoId: 0,
      budget: createBudget(),
      appSlug: installation.app_slug,
      appId: installation.app_id,
    });
    const repository = await client.getRepository(signal);
    branch = repository.defaultBranch;
    if (repository.archived) return [warning(check, 'it is archived', 'Unarchive it, or leave it out.')];
  } catch (error) {
    return [
      failure(
        check,
        `the App cannot read it: ${(error as Error).message}`,
        'Install the App on this repository.',
      ),
    ];
  }
  const file = await client.readFile(SETTINGS, branch, signal).catch((error: Error) => error);
  if (file instanceof Error) {
    const remedy = 'The App needs the permission contents; accept it in the installation.';
    return [failure(check, `${SETTINGS} cannot be read: ${file.message}`, remedy)];
  }
  const parsed = parseSettings(file?.text ?? null, SETTINGS);
  const settings: DoctorFinding = parsed.ok
    ? ok(check, file ? `${SETTINGS} is valid` : `no ${SETTINGS}; the defaults are in force`)
    : failure(check, parsed.findings.map(renderFinding).join('; '), `Correct ${SETTINGS} on ${branch}.`);
  return [settings, await checkTrigger(client, branch, parsed.settings, check, signal)];
}

/** Another bot on the same word would answer the same comments. */
async function checkTrigger(
  client: RepositoryClient,
  branch: string,
  settings: Settings,
  check: string,
  signal: AbortSignal,
): Promise<DoctorFinding> {
  try {
    const { entries } = await client.tree(branch, { recursive: true }, signal);
    const workflows = entries
      .filter((entry) => /^\.github\/workflows\/[^/]+\.ya?ml$/.test(entry.path))
      .slice(0, 50);
    const clashing: string[] = [];
    for (const workflow of workflows) {
      const text = Buffer.from(await client.readBlob(workflow.sha, signal)).toString('utf8');
      if (clashes(text, settings.trigger)) clashing.push(workflow.path);
    }
    return clashing.length === 0
      ? ok(check, `no workflow answers ${settings.trigger}`)
      : warning(
          check,
          `${clashing.join(', ')} seems to answer ${settings.trigger} too`,
          `Set another word, e.g. \`trigger: /guru\`, in ${SETTINGS}, or take the word out of the workflow.`,
        );
  } catch (error) {
    return unknown(
      check,
      `its workflows cannot be read: ${(error as Error).message}`,
      'Look for another bot on the same word yourself.',
    );
  }
}

/** A workflow that runs on comments and names the trigger word. */
export function clashes(workflow: string, trigger: string): boolean {
  const word = new RegExp(`(?<![\\w/])${trigger.replace(/[-/]/g, '\\$&')}(?![\\w-])`);
  return /\bissue_comment\b|\bpull_request_review_comment\b/.test(workflow) && word.test(workflow);
}

import type { Messages } from '../messages/messages.ts';
import { writeAudit } from '../store/audit.ts';
import { addPause, listPauses, removePause } from '../store/pauses.ts';
import { fullName } from '../store/repositories.ts';
import type { Tx } from '../store/store.ts';
import type { CommandRow, PauseRow } from '../store/tables.ts';
import { wakeRepository } from './record.ts';
import type { WorkContext, WorkResult } from './work.ts';

/**
 * `pause:<repo id>`: the settings changed. Reading them with the context has taken in a pause or its end; what
 * waited for another policy, or for a mistake to be mended, is looked at again.
 */
export async function workOnPause(c: WorkContext): Promise<WorkResult> {
  await c.store.write((tx) => wakeRepository(tx, c.repo.id));
  return 'done';
}

/** What the messages say of a pause. */
export function pauseWords(pause: Pick<PauseRow, 'source' | 'login' | 'at'>, timeZone: string) {
  return { source: pause.source, by: pause.login, since: pause.at, timeZone };
}

/** `/pause`: stops the repository until `/resume`. Resolves to what is answered. */
export async function pauseRepository(
  tx: Tx,
  c: WorkContext,
  command: CommandRow,
  m: Messages,
): Promise<string> {
  const row: PauseRow = { repo_id: c.repo.id, source: 'command', login: command.login, at: c.now() };
  if (await addPause(tx, row)) {
    await writeAudit(tx, {
      what: 'paused',
      who: command.login,
      subject: fullName(c.repo),
      repoId: c.repo.id,
    });
    return m.pauseDone();
  }
  const known = (await listPauses(tx, c.repo.id)).find(({ source }) => source === 'command');
  return m.pauseAlready(pauseWords(known ?? row, c.settings.timeZone));
}

/** `/resume`: takes the pause of `/pause` back, whoever said it; the settings' and the app's own remain. */
export async function resumeRepository(
  tx: Tx,
  c: WorkContext,
  command: CommandRow,
  m: Messages,
): Promise<string> {
  const removed = await removePause(tx, c.repo.id, 'command');
  if (removed)
    await writeAudit(tx, {
      what: 'resumed',
      who: command.login,
      subject: fullName(c.repo),
      repoId: c.repo.id,
    });
  const [other] = await listPauses(tx, c.repo.id);
  if (other) return m.resumeNot(pauseWords(other, c.settings.timeZone));
  if (!removed) return m.resumeNothing();
  await wakeRepository(tx, c.repo.id);
  return m.resumeDone();
}

import { publishComment } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import { dayOf } from '../job/day.ts';
import { messagesFor } from '../messages/messages.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { askData, withData } from '../store/row-data.ts';
import type { AskRow } from '../store/tables.ts';
import { takeAsk } from '../store/usage.ts';

/** Counts an ask for its person and day in one transaction: of a hundred at once only the first ones pass. */
export async function countAsk(scope: Scope, ask: AskRow): Promise<void> {
  const { timeZone, limits } = scope.settings;
  const day = dayOf(scope.now(), timeZone).name;
  await scope.store.write(async (tx) => {
    const data = askData((await getAsk(tx, ask.key)) ?? ask);
    if (data.counted || data.capped) return;
    const about = { repoId: scope.repo.id, day, login: ask.login };
    const taken = await takeAsk(tx, about, limits.asksPerPersonPerDay);
    await patchAsk(tx, ask.key, {
      data: withData(data, taken ? { counted: true } : { capped: true }),
      updated_at: scope.now(),
    });
  });
}

/** An ask while the repository is paused is kept; its asker hears so once. */
export async function tellPaused(scope: Scope, ask: AskRow): Promise<void> {
  const { paused } = scope;
  if (paused) {
    const about = {
      by: paused.login,
      source: paused.source,
      since: paused.at,
      timeZone: scope.settings.timeZone,
    };
    const body = messagesFor(ask.language).askPaused(about);
    await publishComment(scope, { issue: ask.thread, key: `paused:${ask.key}`, body });
  }
  await scope.store.write((tx) =>
    patchAsk(tx, ask.key, { data: withData(askData(ask), { pauseTold: true }), updated_at: scope.now() }),
  );
}

import type { Scope } from '../github/scope.ts';
import { latestPlan } from '../store/plans.ts';
import { askData } from '../store/row-data.ts';
import type { AskRow } from '../store/tables.ts';
import { cleanText } from './clean-text.ts';
import type { AskFacts } from './next-ask.ts';
import { GOAL_WORD, parseSlashLine } from './parse-command.ts';

/** The text of an ask without its trigger word. */
export function askBody(ask: Pick<AskRow, 'text'>): string {
  return parseSlashLine(ask.text)?.rest ?? '';
}

/** Whether somebody wrote `/goal`. */
export function isGoal(ask: Pick<AskRow, 'text'>): boolean {
  return parseSlashLine(ask.text)?.word === GOAL_WORD;
}

/** What `nextAsk` needs to know of an ask. Reads our rows only. */
export async function observeAsk(scope: Scope, ask: AskRow): Promise<AskFacts> {
  const slash = parseSlashLine(ask.text);
  const { permission, may, bot, endedBy, counted, capped, pauseTold } = askData(ask);
  const plan = ask.state === 'planned' ? await latestPlan(scope.store.db, ask.key) : undefined;
  return {
    state: ask.state,
    word: isGoal(ask) ? scope.settings.trigger : (slash?.word ?? ''),
    // What nobody can see asks for nothing.
    body: cleanText(slash?.rest ?? '').text.trim(),
    bytes: Buffer.byteLength(ask.text),
    edited: ask.edited === 1,
    repositoryActive: scope.repo.state === 'active',
    botUnnamed: bot === true && !namesBot(scope.settings.policy.ask.bots, ask.login),
    settingsOk: scope.settingsFindings.length === 0,
    trigger: scope.settings.trigger,
    paused: scope.paused !== null,
    pauseTold: pauseTold ?? false,
    withinCap: capped ? false : counted ? true : null,
    mayAsk: may ?? (permission ? permission === 'admin' || permission === 'write' : null),
    cancelled: Boolean(endedBy),
    plan: plan?.kind ?? null,
  };
}

function namesBot(bots: readonly string[], login: string): boolean {
  return bots.some((bot) => bot.toLowerCase() === login.toLowerCase());
}

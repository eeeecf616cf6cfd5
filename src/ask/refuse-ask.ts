import { publishComment } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import { dayOf } from '../job/day.ts';
import { paragraphs } from '../messages/markdown.ts';
import { type Messages, messagesFor } from '../messages/messages.ts';
import { extraNeeds } from '../messages/policy-words.ts';
import type { ReasonCode } from '../messages/reasons.ts';
import { patchAsk } from '../store/asks.ts';
import { askData, withData } from '../store/row-data.ts';
import type { AskRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { type AskEffect, MAX_ASK_BYTES } from './next-ask.ts';
import { takeRefusal } from './refusal-allowance.ts';

/** The final reply of an ask that no job answers; its key makes it one. */
export const finalKey = (askKey: string) => `final:${askKey}`;

/**
 * Ends an ask with one reply that says why and what to do. Before an ask is accepted this reply is all
 * that is written; after that the status comment says the same.
 */
export async function refuseAsk(
  scope: Scope,
  ask: AskRow,
  reason: ReasonCode,
  say: (messages: Messages) => string,
): Promise<void> {
  const text = say(messagesFor(ask.language));
  await publishComment(scope, { issue: ask.thread, key: finalKey(ask.key), body: text });
  const accepted = ask.state !== 'received';
  await scope.store.write(async (tx) => {
    await patchAsk(tx, ask.key, {
      state: 'ended',
      reason,
      data: withData(askData(ask), { refusal: text, ...(accepted ? {} : { unheard: true }) }),
      updated_at: scope.now(),
    });
    if (accepted) await enqueue(tx, `status:${ask.key}`);
  });
}

/** An ask by somebody who may not ask: answered while this hour's replies last, and ended in any case. */
async function refuseStranger(scope: Scope, ask: AskRow): Promise<void> {
  const allowance = await takeRefusal(scope.store, scope.repo.id, finalKey(ask.key), scope.now());
  const { timeZone } = scope.settings;
  if (allowance.kind === 'silence') {
    const data = withData(askData(ask), { unheard: true });
    const ended = { state: 'ended', reason: 'no_permission', data, updated_at: scope.now() } as const;
    await scope.store.write((tx) => patchAsk(tx, ask.key, ended));
    return;
  }
  await refuseAsk(scope, ask, 'no_permission', (m) =>
    paragraphs(
      noPermission(scope, ask, m),
      allowance.kind === 'last' && m.refusalsPaused({ until: allowance.until, timeZone }),
    ),
  );
}

/** The refusals that need nothing but the ask and the settings. */
export function refuseUnheard(
  scope: Scope,
  ask: AskRow,
  reason: Extract<AskEffect, { do: 'refuse' }>['reason'],
): Promise<void> {
  const trigger = scope.settings.trigger;
  if (reason === 'no_permission') return refuseStranger(scope, ask);
  return refuseAsk(scope, ask, reason, (m) => {
    switch (reason) {
      case 'cap_reached': {
        const { limits, timeZone } = scope.settings;
        const resetsAt = dayOf(scope.now(), timeZone).end;
        return m.capAsks({ login: ask.login, limit: limits.asksPerPersonPerDay, resetsAt, timeZone });
      }
      case 'edit_not_read':
        return m.editNotRead({ trigger });
      case 'ask_empty':
        return m.askEmpty({ trigger });
      case 'ask_too_long':
        return m.askTooLong({ bytes: Buffer.byteLength(ask.text), limitBytes: MAX_ASK_BYTES });
      case 'settings_invalid':
        return m.settingsBroken({ findings: scope.settingsFindings });
    }
  });
}

export async function ignoreAsk(scope: Scope, ask: AskRow): Promise<void> {
  await scope.store.write((tx) => patchAsk(tx, ask.key, { state: 'ignored', updated_at: scope.now() }));
}

function noPermission(scope: Scope, ask: AskRow, m: Messages): string {
  const { trigger, policy } = scope.settings;
  const { permission = 'none', whyNot } = askData(ask);
  const about = { login: ask.login, permission, trigger };
  const needs = extraNeeds({ ...policy.ask, unreadable: whyNot === 'team_unreadable' });
  return needs ? m.askOutsidePolicy({ ...about, needs }) : m.askNoPermission(about);
}

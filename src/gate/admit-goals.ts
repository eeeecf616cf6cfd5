import type { Scope } from '../github/scope.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { writeAudit } from '../store/audit.ts';
import { getGoal, goalKey, goalTopic, patchGoal } from '../store/goals.ts';
import type { Approval, GoalData } from '../store/row-data.ts';
import { enqueue } from '../store/work.ts';
import { admissionApproval, whyNot } from './admit-jobs.ts';
import { keepGoal } from './keep-goals.ts';
import type { ObservedPull } from './observe-pull.ts';
import { recordPull } from './record-pull.ts';
import { sayNotAdmitted } from './say-pull.ts';

/** What the repository tells of a goal whose rows were lost: its jobs so far, and who had approved it. */
export interface RecalledGoal {
  data: GoalData;
  state: 'running' | 'waiting' | 'reached' | 'stopped' | 'cancelled';
  approval: Approval | null;
}

/**
 * Starts the goal of a merged PR, by the gate of a job: only the file that was approved, merged or approved
 * for exactly that head by people who may. `recalled`: it goes on from there.
 */
export async function admitGoals(
  scope: Scope,
  seen: ObservedPull,
  recalled: RecalledGoal | null = null,
): Promise<void> {
  const given = await admissionApproval(scope, seen, recalled !== null);
  // The app's own merge names only the app; who wanted it stands in the goal's state.
  const approval = given?.how === 'merge' && seen.pull.mergedByUs ? (recalled?.approval ?? given) : given;
  for (const found of seen.found.goals) {
    const why = await whyNot(scope, seen, { ...found, job: found.goal }, approval);
    if (why) await sayNotAdmitted(scope, seen, [{ path: found.path, why }]);
    const ask = seen.askKey ? await getAsk(scope.store.db, seen.askKey) : undefined;
    await scope.store.write(async (tx) => {
      const { goal } = found;
      if (goal && (why !== 'invalid' || (await getGoal(tx, scope.repo.id, goal.id))))
        await keepGoal(tx, scope, seen, found);
      const row = goal && (await getGoal(tx, scope.repo.id, goal.id));
      if (row?.state === 'proposed') {
        const now = scope.now();
        if (why) {
          // One that only lacks an approval can still get it, by `/retry`.
          if (why !== 'not_approved' && why !== 'settings')
            await patchGoal(tx, scope.repo.id, row.id, { state: 'rejected', updated_at: now });
        } else {
          const data = recalled?.data ?? { steps: [], startedAt: now };
          await patchGoal(tx, scope.repo.id, row.id, {
            state: recalled?.state ?? 'running',
            approval: JSON.stringify(approval),
            data: JSON.stringify(data),
            job_id: data.steps.at(-1)?.jobId ?? null,
            updated_at: now,
          });
          await writeAudit(tx, {
            what: 'goal_approved',
            who: approval?.login ?? 'nobody',
            subject: row.id,
            repoId: scope.repo.id,
            detail: {
              how: approval?.how ?? null,
              sha: approval?.sha ?? null,
              digest: found.digest,
              pull: seen.pull.number,
            },
          });
          await enqueue(tx, goalKey(row));
        }
        await enqueue(tx, `status:${goalTopic(row)}`);
      }
      if (ask && ask.state !== 'ended') {
        const ended = why !== null && why !== 'not_approved' && why !== 'settings';
        await patchAsk(tx, ask.key, {
          ...(ended
            ? { state: 'ended', reason: 'validation_failed' }
            : why
              ? {}
              : { state: 'queued', reason: null }),
          updated_at: scope.now(),
        });
      }
    });
  }
  await scope.store.write((tx) =>
    recordPull(tx, scope, seen.pull.number, { settled: 'merged', ...(approval ? { approval } : {}) }),
  );
}

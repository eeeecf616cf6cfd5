import { enAgent } from './en-agent.ts';
import { enCorrections } from './en-corrections.ts';
import { enCosts } from './en-costs.ts';
import { enGoals } from './en-goals.ts';
import { enReplies } from './en-replies.ts';
import { enSchedules } from './en-schedules.ts';
import { enViews } from './en-views.ts';

/** The English catalogue: key → function of parameters → Markdown. */
export const en = {
  ...enReplies,
  ...enViews,
  ...enCosts,
  ...enAgent,
  ...enCorrections,
  ...enSchedules,
  ...enGoals,
};

/** Every catalogue has these keys and parameters. */
export type Messages = typeof en;

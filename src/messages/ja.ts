import type { Messages } from './en.ts';
import { jaAgent } from './ja-agent.ts';
import { jaCorrections } from './ja-corrections.ts';
import { jaCosts } from './ja-costs.ts';
import { jaGoals } from './ja-goals.ts';
import { jaReplies } from './ja-replies.ts';
import { jaSchedules } from './ja-schedules.ts';
import { jaViews } from './ja-views.ts';

/** The Japanese catalogue; for developers, です・ます. */
export const ja: Messages = {
  ...jaReplies,
  ...jaViews,
  ...jaCosts,
  ...jaAgent,
  ...jaCorrections,
  ...jaSchedules,
  ...jaGoals,
};

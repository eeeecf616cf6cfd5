import { describe, expect, it } from 'vitest';
import { pollHours } from '../support/poll-hours.ts';

const FIFTH_OF_POINTS = 900 / 5;
const FIFTH_OF_REQUESTS = 5_000 / 5;

describe('without webhooks, 20 repositories', () => {
  it('cost less than a fifth of what GitHub allows, and nothing of the hour while they are quiet', async () => {
    // Two "hours" of three minutes each, a token for each: `npm run bench -- --only poll` measures whole ones.
    const minutesOfHour = 3;
    const [first, second] = await pollHours({
      repositories: 20,
      hours: 2,
      minutesOfHour,
      intervalSeconds: 10,
      webhooks: false,
      commentsPerHour: 0,
    });
    console.log(`20 quiet repositories: ${JSON.stringify({ first, second, minutesOfHour })}`);
    for (const hour of [first, second]) {
      if (!hour) throw new Error('an hour without a request');
      expect(hour.busiestMinute).toBeLessThan(FIFTH_OF_POINTS);
      // Each list of each repository once for every token, the folder of the queue once in all, and the token.
      expect(hour.requests - hour.unchanged).toBeLessThanOrEqual(20 * 6 + 5);
      expect(hour.requests - hour.unchanged).toBeLessThan(FIFTH_OF_REQUESTS);
      expect(hour.unchanged).toBeGreaterThan(200);
    }
  });
});

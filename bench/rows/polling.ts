import type { HourOfUse } from '../../src/github/usage.ts';
import { pollHours } from '../../test/support/poll-hours.ts';
import type { Figure, Row } from '../support/figure.ts';

const REPOSITORIES = 20;
/** GitHub's limits of an installation: requests an hour, points a minute. A fifth of each is the bound. */
const HOURLY = 5_000;
const POINTS_A_MINUTE = 900;
const SHARE = 0.2;

/** What `GURUGURU_INGRESS=poll` costs, on a clock of its own: nothing waits. */
export const polling: Row = {
  name: 'poll',
  async run({ quick, say }) {
    const options = {
      repositories: REPOSITORIES,
      hours: quick ? 1 : 2,
      intervalSeconds: 10,
      webhooks: false,
    };
    const figures: Figure[] = [];
    for (const [name, commentsPerHour] of [
      ['quiet', 0],
      ['six comments an hour each', 6],
    ] as const) {
      const hours = await pollHours({ ...options, commentsPerHour });
      for (const hour of hours) say(`${name}: ${JSON.stringify(hour)}`);
      figures.push(...figuresOf(`${REPOSITORIES} repositories, ${name}`, hours));
    }
    return figures;
  },
};

function figuresOf(place: string, hours: HourOfUse[]): Figure[] {
  const most = (of: (hour: HourOfUse) => number) => Math.max(...hours.map(of));
  return [
    {
      what: `requests GitHub counts in an hour, ${place}`,
      unit: 'requests',
      ours: most(({ requests, unchanged }) => requests - unchanged),
      baseline: null,
      bound: { kind: 'at_most', value: HOURLY * SHARE },
      note: `${most(({ unchanged }) => unchanged)} more were answered 304`,
    },
    {
      what: `points in the busiest minute, ${place}`,
      unit: 'requests',
      ours: most(({ busiestMinute }) => busiestMinute),
      baseline: null,
      bound: { kind: 'at_most', value: POINTS_A_MINUTE * SHARE },
      note: '304 counted too',
    },
  ];
}

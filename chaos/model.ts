import { type ModelReply, type ModelRequest, type ModelServer, startModel } from '../test/support/model.ts';
import { jobAnswer } from '../test/support/model-replies.ts';
import { CANARY_NAME, type Scenario, scriptOf } from './scenario.ts';
import { random } from './support/random.ts';

export interface FaultyModel extends ModelServer {
  counts: Record<'hung' | 'failed' | 'nonsense', number>;
  heal(): void;
}

/** The model of the campaign: it hangs, fails and talks nonsense, and else answers as the scenario says. */
export async function startFaultyModel(
  seed: number,
  scenarios: readonly Scenario[],
  startsFolder: string,
  faulty: boolean,
): Promise<FaultyModel> {
  const counts: FaultyModel['counts'] = { hung: 0, failed: 0, nonsense: 0 };
  const calls = new Map<string, number>();
  let healthy = !faulty;

  function reply(request: ModelRequest): ModelReply {
    const mark = /mark\d{5}/.exec(request.ask)?.[0] ?? '';
    const scenario = scenarios.find((one) => one.mark === mark);
    if (!scenario) return { text: { result: { kind: 'answer', text: 'Nobody asked this.' } } };
    const number = (calls.get(mark) ?? 0) + 1;
    calls.set(mark, number);
    const good: ModelReply = { text: answerOf(scenario, startsFolder) };
    return healthy ? good : disturbed(good, `model ${mark} call ${number}`);
  }

  function disturbed(good: ModelReply, concern: string): ModelReply {
    const r = random(seed, concern);
    switch (r.weighted({ well: 70, hang: 8, fail: 10, nonsense: 12 })) {
      case 'well':
        return good;
      case 'hang':
        counts.hung += 1;
        return r.pick([{ hang: true }, { hangInBody: true }]);
      case 'fail':
        counts.failed += 1;
        return r.pick<ModelReply>([
          { status: 500 },
          { status: 503 },
          { status: 429, headers: { 'retry-after': '1' } },
          { disconnect: true },
        ]);
      case 'nonsense':
        counts.nonsense += 1;
        return r.pick<ModelReply>([
          { text: 'Certainly! First of all, let me think about it.' },
          { text: { result: { kind: 'job', script: 'rm' } } },
          { raw: '<html>Bad gateway</html>', contentType: 'text/html' },
          { cutShort: '{"result":{"kind":"jo' },
          { empty: true },
        ]);
    }
  }

  const server = await startModel({ otherwise: reply });
  return {
    ...server,
    counts,
    heal() {
      healthy = true;
    },
  };
}

function answerOf(scenario: Scenario, startsFolder: string): object {
  const { mark, plan, job } = scenario;
  switch (plan) {
    case 'job':
      return jobAnswer({
        title: `Look after ${mark}`,
        script: scriptOf(scenario, startsFolder),
        idempotent: job.idempotent,
        secrets: job.tells ? [CANARY_NAME] : null,
      });
    case 'answer':
      return { result: { kind: 'answer', text: `There is nothing to do for ${mark}.` } };
    case 'question':
      return { result: { kind: 'question', text: `Which part of ${mark} is meant?` } };
    case 'refusal':
      return { result: { kind: 'refusal', reason: `${mark} is not to be looked after.` } };
  }
}

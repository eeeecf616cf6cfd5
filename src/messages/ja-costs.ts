import { formatMoney } from '../job/ledger/money.ts';
import { DAY_USES, type DayUse } from '../job/ledger/summarise.ts';
import type { enCosts } from './en-costs.ts';
import { duration } from './ja-views.ts';
import { code, link } from './markdown.ts';

const USES: Record<DayUse, string> = { changed: '変更あり', checked: '確認のみ', idle: '何もせず' };

/** 費用と、それが何かを生んでいるか。 */
export const jaCosts: typeof enCosts = {
  pullExpected: () => '実行の見込み',
  pullExpectedRun: (p) => {
    const most = `最長 ${duration(p.atMost)}`;
    const time =
      p.seconds === null
        ? `不明（同種の実行がまだありません）。${most}`
        : `ランナー上で約 ${duration(p.seconds)}${p.money ? `、エージェントに約 ${p.money}` : ''}（同種の実行 ${p.runs} 件からの推定）。${most}`;
    return [time, ...p.daily.map(({ name, money }) => `${code(name)} は実行しなくても 1 日 ${money}`)].join(
      '<br>',
    );
  },
  statusCosts: (p) => {
    const each =
      p.perSuccess === null
        ? '成功したジョブはありません'
        : `成功したジョブ ${p.succeeded} 件、1 件あたり ${formatMoney(p.perSuccess)}`;
    return `${p.month} の${link('費用', p.url)}（現時点）: ${formatMoney(p.total)}。${each}。`;
  },
  statusFixed: (p) =>
    `${code(p.name)}: ${DAY_USES.map((use) => `${USES[use]} ${p.days[use]} 日（${formatMoney(p.money[use])}）`).join('、')}`,
};

import type { enGoals, GoalStop } from './en-goals.ts';
import { formatTime } from './format.ts';
import { code, fence, link, list, paragraphs, quote } from './markdown.ts';
import { neutraliseInline } from './neutralise.ts';
import { clip } from './plain-text.ts';

const STOPS: Record<GoalStop, string> = {
  jobs: '許可されたジョブ数を使い切りました',
  money: '許可された費用を使い切りました',
  time: '許可された時間が過ぎました',
  same_failure: '同じ失敗が二度起きました',
  no_change: '二回続けて報告に変化がありません',
  withdrawn: 'ゴールのファイルが既定ブランチから消されました',
};

const CLOSED: Record<string, string> = {
  rejected: 'マージされずに閉じられました',
  superseded: '置き換えられました',
  cancelled: 'キャンセルされました',
  lost: '行方不明になりました',
};

const EXAMPLE = `/goal
\`\`\`json
{
  "goal": "スモークテストが通る。",
  "dod": "exit_code == 0 && stdout.contains('passed')",
  "envelope": { "commands": ["git status", "pytest tests/smoke"], "effect": "read" },
  "first_job": { "script": ["pytest tests/smoke"] }
}
\`\`\``;

/** The words of goals in Japanese. */
export const jaGoals: typeof enGoals = {
  goalNoModel: () =>
    paragraphs(
      '**計画していません。** モデルが設定されていないため、文章からゴールファイルを作れません。方法は二つあります。',
      '1. ゴールファイルを `json` ブロックひとつで書く（docs/goals.md を参照）。モデルは不要です。',
      fence(EXAMPLE, 'md'),
      '2. アプリの運用者に `OPENAI_API_KEY` を設定してもらい、もう一度書く。',
    ),
  goalInvalid: (p) =>
    paragraphs(
      '**開始していません。** ゴールファイルに誤りがあります。',
      list(p.errors.slice(0, 10).map((error) => neutraliseInline(clip(error, 500)))),
      '直してから、もう一度書いてください。',
    ),
  validateGoal: (p) => (p.warnings === 0 ? '正しいゴールです' : `正しいゴールです（警告 ${p.warnings} 件）`),

  goalHandWritten: () => 'コードブロックからです。書かれたままのファイルで、モデルは使っていません。',
  goalEnvelope: () => '承認する範囲',
  goalEnvelopeText: () =>
    '承認するのは方向です。最初のジョブを実行し、報告のたびに次のジョブを、この範囲に収まる限り**改めて確認せずに**実行します。範囲を出るものは承認を待ちます。',
  goalFirstJob: () => '最初のジョブ',
  goalNoDod: () => 'コマンドでは判定できません。モデルの意見で決め、その旨を示します',
  goalCommands: () => 'コマンド',
  goalKinds: () => '種類',
  goalPaths: () => '変更してよいもの',
  goalCaps: () => '上限',
  goalCapsWords: (p) => `ジョブ ${p.jobs} 件、計画と判定に ${p.usd} ドル、${p.hours} 時間`,
  goalApprove: () =>
    `**承認:** レビューで承認するか、${code('/approve')} と書くか、マージしてください。最初のジョブがすぐにキューに入ります。`,
  goalCancel: () =>
    `**キャンセル:** ${code('/cancel')} と書くか、この PR を閉じてください。承認後の ${code('/cancel')} はゴールを終わらせます。`,
  goalRaw: () => 'ゴールファイル',
  goalStep: (p) => {
    const what = `ゴール ${link(code(p.id), p.url)} の ${p.number} 件目のジョブです（最大 ${p.of} 件）。`;
    if (p.outside.length === 0)
      return `${what}**ゴールとともに承認済みです。** 範囲に収まっています。この PR は記録で、操作は不要です。`;
    return paragraphs(
      `${what}**範囲を出るため、承認を待ちます。**`,
      list(p.outside.slice(0, 10).map((one) => neutraliseInline(clip(one, 300)))),
    );
  },

  goalState: (p) =>
    ({
      proposed: '● 承認待ち',
      running: '● 進行中',
      waiting: '⏳ 人の判断待ち',
      reached: '✅ 達成',
      stopped: '🛑 停止',
      cancelled: '🚫 キャンセル',
      rejected: '🚫 PR が閉じられました',
    })[p.state],
  goalNextApprove: (p) =>
    `書き込み権限のある方の判断を待っています。${p.pull ? link(`PR #${p.pull.number}`, p.pull.url) : 'ゴールの PR'} を承認するか、${code('/approve')} と書いてください。`,
  goalNextRunning: () => `報告のあとに判定します。${code('/cancel')} でゴールを終わらせます。`,
  goalNextPaused: (p) =>
    `今はモデルに問い合わせられません（一日の上限、または応答なし）。${formatTime(p.until, p.timeZone)} に再開します。`,
  goalHeld: (p) =>
    `${code(p.job)} は、${p.goal ? `ゴール ${code(p.goal)} の ` : ''}${code(p.holder)} が ${code(p.thing)} を使い終わるのを待っています。`,
  goalColumns: () => '| | ジョブ | 結果 | 時間 | ゴールの判定 |',
  goalVerdict: (p) => {
    const words = {
      reached: p.by === 'dod' ? '達成。完了条件が成り立っています' : '達成（モデルの意見）',
      next: 'まだです',
      stuck: '質問',
      stopped: '停止',
      closed: '判断待ち',
    }[p.kind];
    return p.dod && p.by !== 'dod' ? `${words}（${p.dod}）` : words;
  },
  goalDod: (p) =>
    ({ met: '完了条件は成立', unmet: '完了条件は不成立', error: '完了条件は評価できず' })[p.verdict],
  goalCost: (p) =>
    [
      `ジョブ ${p.jobs}/${p.maxJobs} 件。`,
      `モデル ${p.calls} 回、${p.input + p.output} トークン、${p.usd.toFixed(3)}/${p.maxUsd} ドル${p.unpriced ? '（単価が不明です。`model_prices` を参照）' : ''}。`,
      p.deadline === null ? '' : `期限 ${formatTime(p.deadline, p.timeZone)}。`,
    ].join(''),

  goalQuestion: (p) => {
    const { question } = p;
    const go = `そのあと、ここに ${code('/retry')} と書けば続け、${code('/cancel')} と書けば終わります。`;
    switch (question.why) {
      case 'outside':
        return paragraphs(
          `**次のジョブに承認が必要です。** ${code(question.job)} はゴールの範囲を出ます。`,
          list(question.outside.slice(0, 5).map((one) => neutraliseInline(clip(one, 300)))),
          `${question.pull ? link(`PR #${question.pull.number}`, question.pull.url) : 'その PR'} を承認するか、閉じてください。`,
        );
      case 'stuck':
        return paragraphs(
          '**ゴールについての質問です。**',
          quote(clip(question.text, 4000)),
          `コメントで答えてください。${go}`,
        );
      case 'recalled':
        return `**このゴールは以前に承認されましたが、実行の記録がありません**（アプリのデータベースが新しくなっています）。ここに ${code('/retry')} と書けば始め、${code('/cancel')} と書けば終わります。`;
      case 'no_model':
        return `**モデルが設定されていないため、次を決められません。** \`OPENAI_API_KEY\` を設定してもらってください。${go}`;
      case 'mute':
        return paragraphs(
          '**モデルから使える答えが得られませんでした。**',
          quote(clip(question.error, 1000)),
          go,
        );
      case 'closed':
        return `**ジョブ ${code(question.job)} は${CLOSED[question.state] ?? question.state}。** 次をどうするか決めてください。伝えることがあればコメントに書いてください。${go}`;
    }
  },
  goalReminder: (p) =>
    `**${formatTime(p.since, p.timeZone)} から判断を待っています。** ${link('必要なこと', p.url)}をご覧ください。ゴールは開いたままです。お知らせは今回だけです。`,
  goalReached: (p) =>
    p.by === 'dod'
      ? `**✅ 達成しました。** ゴールの完了条件が成り立っています: ${code(clip(p.dod, 1000))}`
      : paragraphs(
          `**✅ 達成しました（モデルの意見）。** ${p.dod ? '完了条件は評価できませんでした。' : 'このゴールには評価できる完了条件がありません。'}`,
          quote(clip(p.text, 2000)),
        ),
  goalEvidence: (p) => `根拠: ${p.links.join('、')}`,
  goalStopped: (p) =>
    `**🛑 達成せずに停止しました。** ${STOPS[p.reason]}。新しい ${code('/goal')} で最初から始められます。`,
  goalCancelled: (p) => `**🚫 ${code(p.by)} さんがゴールをキャンセルしました。** これ以上は実行しません。`,
  statusGoals: () => 'ゴール',
  statusColumnsGoals: () => '| ゴール | 題名 | 状態 | ジョブ |',
};

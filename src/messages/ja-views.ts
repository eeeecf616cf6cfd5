import type { enViews } from './en-views.ts';
import { formatCount, formatTime, splitDuration } from './format.ts';
import { JA_STATES, pausedBy } from './ja-replies.ts';
import { cell, code, link } from './markdown.ts';
import { neutraliseInline } from './neutralise.ts';
import type { ReasonCode } from './reasons.ts';
import type { PullLink, RunnerMatch, ShownVerdict, VerdictReason } from './views.ts';

export function duration(total: number): string {
  const { hours, minutes, seconds } = splitDuration(total);
  if (hours > 0) return minutes > 0 ? `${hours} 時間 ${minutes} 分` : `${hours} 時間`;
  if (minutes > 0) return seconds === '0' ? `${minutes} 分` : `${minutes} 分 ${seconds} 秒`;
  return `${seconds} 秒`;
}

const VERDICTS: Record<ShownVerdict, string> = {
  succeeded: '成功',
  failed: '失敗',
  cancelled: 'キャンセル',
  lost: '結果不明',
};

const REASONS: Record<ReasonCode, string> = {
  no_permission: '書き込み権限なし',
  cap_reached: '1 日の上限',
  ask_empty: '依頼が空',
  ask_too_long: '依頼が長すぎる',
  edit_not_read: '編集は対象外',
  settings_invalid: '設定ファイルの誤り',
  no_model_key: 'モデル未設定',
  model_invalid_output: 'モデルの出力が不正',
  model_refused: 'モデルが拒否',
  model_cut_short: 'モデルの出力が途中で終了',
  model_unavailable: 'モデルが応答なし',
  model_misconfigured: 'モデルの設定に誤り',
  repository_archived: 'アーカイブ済み',
  installation_suspended: 'アプリが一時停止中',
  dispatch_git: 'git で配布',
  fence_unclosed: 'コードブロックが閉じていない',
  repository_empty: 'コミットがない',
  fence_empty: 'コードブロックが空',
  job_invalid: 'ジョブが不正',
  goal_invalid: 'ゴールに誤り',
  job_id_taken: 'ジョブ ID が使用済み',
  several_jobs: 'ジョブが複数あり未指定',
  unknown_job: '存在しないジョブ',
  nothing_to_approve: '承認対象なし',
  nothing_to_cancel: 'キャンセル対象なし',
  nothing_to_retry: '再実行対象なし',
  head_moved: 'PR が更新された',
  validation_failed: '検証エラー',
  pull_closed: 'PR が閉じている',
  pull_retargeted: 'PR のマージ先が別のブランチ',
  pull_not_a_job: 'ジョブ PR ではない',
  merge_blocked: 'マージできない',
  still_running: 'まだ終わっていない',
  answered: '回答済み',
  question_asked: '質問中',
  cancelled: 'キャンセル',
  rejected: 'マージせずに PR を閉じた',
  superseded: '別の計画に置き換え',
  scheduled: 'スケジュール済み',
  stuck: '停滞中',
};

function why(reason: VerdictReason): string {
  switch (reason.kind) {
    case 'dod_met':
      return `完了条件 ${code(reason.dod)} を満たしました。`;
    case 'dod_unmet': {
      const saw = reason.saw.map(({ name, value }) => code(`${name} = ${value}`)).join('、');
      return `完了条件 ${code(reason.dod)} を満たしませんでした${saw ? `（実際の値: ${saw}）` : ''}。`;
    }
    case 'dod_error':
      return `完了条件 ${code(reason.dod)} を評価できませんでした: ${neutraliseInline(reason.message)}`;
    case 'timeout':
      return `制限時間の ${duration(reason.minutes * 60)}を超えたため止めました。`;
    case 'killed':
      return `コマンドが${reason.signal === null ? 'シグナル' : ` ${code(reason.signal)} `}で強制終了されたため、完了条件を判定できません。`;
    case 'cancelled': {
      const by = reason.by ? `${code(reason.by)} さんが` : '';
      return reason.started ? `${by}実行中にキャンセルしました。` : `${by}実行前にキャンセルしました。`;
    }
    case 'refused':
      return `ランナーが実行を断りました: ${neutraliseInline(reason.message)}`;
    case 'never_started':
      return 'ランナーが何度か引き受けましたが、いずれも開始前に途絶えました。何も実行していません。';
    case 'runner_error':
      return `ジョブではなくランナー側で障害が起きました: ${neutraliseInline(reason.message)}`;
    case 'lost':
      return reason.seenAt === null
        ? 'マージ済みですが結果の記録がなく、実行されたかどうか分かりません。'
        : 'ジョブの開始後にランナーからの連絡が途絶えました。どこまで進んだかは不明です。';
  }
}

function proved({ proved = [] }: RunnerMatch): string {
  return proved.length === 0 ? '' : `（確認済み: ${proved.map((name) => code(name)).join('、')}）`;
}

function wanted(match: RunnerMatch): string {
  return match.wants.map((name) => code(name)).join('、');
}

function pullLink(pull: PullLink | null): string {
  return pull ? link(`PR #${pull.number}`, pull.url) : 'ジョブ PR';
}

export const jaViews: typeof enViews = {
  duration: (p) => duration(p.seconds),
  reasonLabel: (p) => REASONS[p.reason],
  verdict: (p) => VERDICTS[p.verdict],
  joined: (p) =>
    p.sentences
      .filter(Boolean)
      .map((words) => (/[。：]$/.test(words) ? words : /[.!?]$/.test(words) ? `${words} ` : `${words}。`))
      .join('')
      .trimEnd(),
  why: (p) => why(p.reason),

  stagePlanning: () => '計画中',
  stagePlanned: () => '計画済み',
  stagePull: () => 'PR',
  stageApproval: () => '承認',
  stageWaiting: () => '承認待ち',
  stageMerging: () => 'マージ中',
  stageApproved: (p) =>
    p.how === 'auto'
      ? 'ポリシーによりマージ'
      : p.how === 'goal'
        ? `${code(p.login)} さんがゴールとともに承認`
        : `${code(p.login)} さんが${p.how === 'merge' ? 'マージ' : '承認'}`,
  stageRun: () => '実行',
  stageQueued: () => '実行待ち',
  stageRunning: (p) => `${code(p.runner)} で実行中`,
  stageRan: (p) => `${code(p.runner)} で実行`,
  stageResult: () => '結果',
  stageAnswered: () => '回答しました',
  stageQuestion: (p) => `${code(p.login)} さんに確認したいことがあります`,
  stageRejected: () => 'PR が閉じられました',
  stageSuperseded: () => '置き換え済み',
  stageStuck: () => '停滞中',

  nextPlanning: () => 'スレッドとリポジトリを読んで計画を立てています。承認されるまで何も実行しません。',
  nextReport: () => 'レポートをコミットしています。',
  nextModelRetry: (p) =>
    `モデルが一時的に使えません。次は ${formatTime(p.at, p.timeZone)} に試します。操作は不要です。`,
  nextApprove: (p) =>
    `書き込み権限のある人の判断を待っています。${pullLink(p.pull)} をレビューで承認するか、そこに ${code('/approve')} と書いてください。`,
  nextMerging: () => 'ジョブ PR をマージしています。',
  nextInvalid: (p) =>
    `ジョブファイルに誤りが ${p.failures} 件あります。${pullLink(p.pull)} のチェックを見て直してください。直れば承認できます。`,
  nextBlocked: (p) =>
    `承認済みですが、GitHub が ${pullLink(p.pull)} のマージを拒んでいます。求められている条件を満たすか、手動でマージしてください。`,
  nextQueued: (p) => {
    if (p.match.asleep)
      return `スリープ中の ${code(p.match.asleep)} を待っています 💤。起きると引き受けます。`;
    if (p.match.runner === null)
      return `このジョブに合う稼働中のランナーがありません${p.match.wants.length ? `（必要なもの: ${wanted(p.match)}）` : ''}。見つかり次第、開始します。`;
    const place = p.position > 1 ? `順番は ${p.position} 番目です。` : '次に実行されます。';
    return p.match.busy
      ? `${place}${code(p.match.runner)} が実行中のジョブを終え次第、引き受けます。`
      : `${place}${code(p.match.runner)} が引き受けます。`;
  },
  nextRunning: () =>
    `終わったら結果をここに表示し、返信でもお知らせします。止めるには ${code('/cancel')} と書いてください。`,
  nextCancelling: () => '停止を伝えました。ランナーの確認を待っています。',
  nextFailed: (p) =>
    `出力の末尾は下の返信に、全体はレポートにあります。同じジョブの再実行は ${code('/retry')}、計画からやり直すには新しい ${code(p.trigger)} を書いてください。`,
  nextCancelled: () => `再実行するには ${code('/retry')} と書いてください。`,
  nextLost: (p) =>
    `途中の状態を確認してから ${code(`/retry ${p.jobId}`)} で再実行してください。ランナーが復帰すれば、その結果を採用します。`,
  nextAnswered: () => '回答は下の返信にあります。何も実行していません。',
  nextQuestion: (p) =>
    `計画を立てるには情報が足りません。下の返信を見て、新しい ${code(p.trigger)} で答えてください。`,
  nextAskCancelled: (p) => `${p.by ? `${code(p.by)} さんが` : ''}キャンセルしました。何も実行していません。`,
  nextRejected: (p) =>
    `${p.by ? `${code(p.by)} さんが` : ''}ジョブ PR をマージせずに閉じました。何も実行していません。やり直すには新しい ${code(p.trigger)} を書いてください。`,
  nextSuperseded: (p) =>
    p.by
      ? `別の計画（${link(`PR #${p.by.number}`, p.by.url)}）に置き換えました。何も実行していません。`
      : '別の計画に置き換えました。何も実行していません。',
  nextStuck: (p) =>
    `${formatTime(p.since, p.timeZone)} に自動での再試行をやめました。原因を取り除いたら、ここに ${code('/retry')} と書いてください。`,

  details: () => '詳細',
  rowJob: () => 'ジョブ',
  rowPlan: () => '計画',
  rowRevision: (p) => `第 ${p.revision} 版`,
  rowStarted: () => '開始',
  rowTook: () => '所要時間',
  rowRun: () => '実行回数',
  rowUndo: () => '元に戻すには',
  rowLinks: () => '関連',
  linkReport: () => 'レポート',
  linkCheck: () => 'チェック',
  cost: (p) => {
    const tokens = `入力 ${formatCount(p.cost.inputTokens)} トークン、出力 ${formatCount(p.cost.outputTokens)} トークン`;
    const usd = p.cost.usd === undefined ? '' : `、約 ${p.cost.usd.toFixed(p.cost.usd < 0.1 ? 3 : 2)} 米ドル`;
    return `${code(p.cost.model)}: ${tokens}${usd}`;
  },

  replyResult: (p) =>
    `**${code(p.jobId)} ${VERDICTS[p.verdict]}**${p.title ? `: ${cell(p.title, 120)}` : ''}`,
  replyRan: (p) => {
    if (p.seconds === null) return '';
    const where = p.runner === null ? '' : `${code(p.runner)} で実行、`;
    return `${where}所要時間 ${duration(p.seconds)}${p.attempt > 1 ? `（${p.attempt} 回目）` : ''}。`;
  },
  replyLastLines: (p) => (p.lines === 1 ? '最後の行:' : `最後の ${p.lines} 行:`),
  replyNoOutput: () => '出力はありませんでした。',
  replyQuestion: (p) => `**計画の前に確認させてください。** 新しい ${code(p.trigger)} で答えてください。`,
  replyRefusal: () => '**計画を立てませんでした。** 次の理由からお勧めできません。',
  replyUndo: (p) => `元に戻すには: ${code(p.undo)}`,

  checkQueued: (p) => (p.position > 1 ? `実行待ち（${p.position} 番目）` : '実行待ち（次に実行）'),
  checkNoRunner: (p) =>
    p.asleep === null
      ? '実行待ち（合うランナーが稼働していません）'
      : `実行待ち（${neutraliseInline(p.asleep)} がスリープ中）`,
  checkRunning: (p) =>
    `${neutraliseInline(p.runner)} で実行中${p.total === 0 ? '' : `（${p.total} 行中 ${p.done} 行まで完了）`}`,
  checkCancelling: (p) => `${neutraliseInline(p.runner)} で停止処理中`,
  checkEnded: (p) => {
    const word = {
      succeeded: '成功',
      failed: '失敗',
      cancelled: 'キャンセル',
      lost: '結果不明（結果が届きませんでした）',
    };
    return p.seconds === null ? word[p.verdict] : `${word[p.verdict]}（${duration(p.seconds)}）`;
  },
  checkSilent: (p) =>
    `${neutraliseInline(p.runner)} から ${formatTime(p.since, p.timeZone)} 以降応答がありません`,
  nextSilent: (p) =>
    `⚠️ ${code(p.runner)} から ${formatTime(p.since, p.timeZone)} 以降応答がありません。スリープ中か切断中で、ジョブは続いているかもしれません。15 分間応答がなければ結果不明として終了しますが、後から届いた結果は反映されます。`,
  checkReplaced: (p) => `ランナーから応答がありません（${p.next} 回目の実行に続きます）`,
  checkReplacedWhy: (p) =>
    `${code(p.runner)} からの応答が途絶えたため、この実行の結果は使われません。冪等なジョブなので、${p.next} 回目の実行が自動で始まります。`,
  checkStarted: (p) => `${formatTime(p.at, p.timeZone)} に開始しました。`,
  checkUpdates: () => '下の出力は、最初の 1 分は 10 秒ごと、その後は 1 分ごとに更新します。',
  actionApprove: () => '承認',
  actionApproveWhat: () => 'この PR をマージしてジョブをキューに入れる',
  actionCancel: () => 'キャンセル',
  actionCancelWhat: () => 'このジョブを止める',
  actionRetry: () => '再実行',
  actionRetryWhat: () => '同じジョブをもう一度実行する',
  validateNone: () => 'ジョブの変更なし',
  validateNoneText: () => 'この PR はジョブファイルを追加・変更・削除していません。',
  validateOk: (p) => {
    if (p.jobs === 0) return '問題なし';
    const jobs = p.jobs === 1 ? '正しいジョブです' : `${p.jobs} 件とも正しいジョブです`;
    return p.warnings === 0 ? jobs : `${jobs}（警告 ${p.warnings} 件）`;
  },
  validateFailed: (p) => `ジョブファイルに誤りが ${p.failures} 件あります`,
  validateFix: () => 'Files changed で印の付いた行を直してください。次のコミットで自動的に検証し直します。',
  dispatchedByGit: () => '設定が `dispatch: git` なので、マージ後は `--git` で動くランナーが自分で取ります。',

  runnerTakes: (p) => {
    if (p.match.asleep) return `💤 スリープ中の ${code(p.match.asleep)} が、起き次第引き受けます`;
    if (p.match.runner !== null)
      return p.match.busy
        ? `稼働中の ${code(p.match.runner)} が、実行中のジョブを終え次第引き受けます${proved(p.match)}`
        : `稼働中の ${code(p.match.runner)} が引き受けます${proved(p.match)}`;
    return p.match.wants.length > 0
      ? `⚠️ 合うランナーが稼働していません（必要なもの: ${wanted(p.match)}）。見つかるまで待ちます`
      : '⚠️ 稼働中のランナーがありません。見つかるまで待ちます';
  },

  pullAsked: (p) => `${code(p.login)} さんの${link('依頼', p.url)}によるものです。`,
  pullHandWritten: () => 'コードブロックから作りました。各行は書かれたままで、モデルは使っていません。',
  pullScript: () => '実行内容',
  pullBrief: () => 'エージェント（Codex）への指示',
  pullBriefFold: (p) => `エージェント（Codex）への指示（${p.lines} 行）`,
  pullAgent: () => 'エージェント',
  pullAgentRuns: (p) =>
    `Codex をサンドボックス ${code(p.sandbox)}${p.model === null ? '' : `、モデル ${code(p.model)}`} で動かします。変更は PR として届きます`,
  pullScriptFold: (p) => `実行内容（${p.lines} 行）`,
  pullDod: () => '完了条件',
  pullRunner: () => 'ランナー',
  pullWhere: () => '作業ディレクトリ',
  pullTimeout: () => '制限時間',
  pullUndo: () => '元に戻すには',
  pullNoUndo: () => '⚠️ 記載なし',
  pullEffect: () => '影響',
  pullEffectRead: () => '読み取りのみ（ジョブの申告）',
  pullEffectChange: () => '変更あり',
  pullSecrets: () => 'シークレット',
  pullEnv: () => '環境変数',
  pullServes: () => '根拠となる文書',
  pullCost: () => '計画のコスト',
  pullRetries: () => 'ランナーが途絶えたとき',
  pullRetriesYes: () => '自動で再実行します（idempotent）',
  pullFindings: () => '承認の前に',
  pullAuto: () =>
    '**ポリシーによりマージ:** すべてのコマンドが `gate.auto` にあります。この PR は記録で、クリックは要りません。',
  pullNeeds: (p) =>
    [
      p.count > 1 && `この先頭コミットには、**異なる ${p.count} 人**の承認が必要です。`,
      !p.own && `${code(p.login)} さんの依頼なので、**ほかの人**の承認が必要です（\`approve.own: false\`）。`,
    ]
      .filter(Boolean)
      .join(''),
  pullDecide: () => '判断してください',
  pullApprove: () =>
    `**承認:** レビューで承認するか、${code('/approve')} と書くか、マージしてください。すぐにキューに入ります。`,
  pullChange: (p) =>
    `**変更:** ここに ${code(`${p.trigger} <変えたいこと>`)} と書くか、レビューで変更を求めてください。同じブランチで計画を作り直します。`,
  pullCancel: () => `**取りやめ:** ${code('/cancel')} と書くか、この PR を閉じてください。何も実行しません。`,
  pullRaw: () => 'ジョブファイル',
  pullRawPlan: () => 'モデルが出した計画そのもの',
  pullRevision: (p) => `計画の第 ${p.revision} 版です。以前の承認は無効です。`,
  pullCut: () => 'ここでは省略しています。全文はこの PR のジョブファイルにあります。',

  statusPaused: (p) => `⏸️ **一時停止中。** ${pausedBy(p)}`,
  statusUsage: (p) => {
    const used = `今日のモデル: トークン ${formatCount(p.tokens)} / ${formatCount(p.tokensLimit)}、費用 約 USD ${p.usd.toFixed(2)} / ${p.usdLimit}。`;
    if (p.unpriced.length === 0) return used;
    return `${used}${p.unpriced.map((name) => code(name)).join('、')} の価格が分からないため、トークンだけを数えます（\`model_prices\`）。`;
  },
  statusNothing: () => '待機中、実行中、停滞中のものはありません。',
  statusJobs: () => 'ジョブ',
  statusStuck: () => '停滞中',
  statusRunners: () => 'ランナー',
  statusNoRunners: () => '稼働中のランナーがありません。待機中のジョブは、見つかるまで待ちます。',
  statusColumnsJobs: () => '| ジョブ | 内容 | 状態 | ランナー | 経過 |',
  statusColumnsRunners: () => '| ランナー | ラベル | 実行中 | 最後の連絡 |',
  statusState: (p) => JA_STATES[p.state],
  statusIdle: () => 'なし',
  statusDraining: () => '新規受付停止中',
  statusAgo: (p) => `${duration(p.seconds)}前`,
  statusStuckFor: (p) => `（${duration(p.seconds)}前から）`,
};

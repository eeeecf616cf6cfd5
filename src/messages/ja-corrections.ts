import type { enCorrections } from './en-corrections.ts';
import { code, codeCell, link, paragraphs, quote } from './markdown.ts';
import { neutraliseInline } from './neutralise.ts';
import { clip } from './plain-text.ts';

export const jaCorrections: typeof enCorrections = {
  correctionTitle: (p) =>
    `guruguru: ${neutraliseInline(clip(p.path, 100))} の記述は今も正しいか（${p.jobId} の結果と食い違い）`,
  correctionBody: (p) =>
    paragraphs(
      `**モデルの読みであり、確定した事実ではありません**（${code(p.model)}）。このファイルと、これに関わるジョブ ${code(p.jobId)} の結果を見せたところ、${code(p.path)} の次の行が食い違うと判断しました。`,
      quote(clip(p.passage, 1_000)),
      neutraliseInline(clip(p.why, 600)),
      `**根拠:** ${link(codeCell(p.report), p.reportUrl)}`,
      '**判断するのはあなたです。** マージする、直す、閉じる、のどれでも構いません。閉じれば、この行と同じジョブについては二度と開きません。',
    ),
};

import type { parse } from '@bufbuild/cel';

/** A parsed CEL expression. */
export type Expr = ReturnType<typeof parse>['expr'];

/** What an expression reaches for: free names, functions by name, and constant patterns of `matches`. */
export interface Used {
  names: string[];
  functions: string[];
  patterns: string[];
}

export function usedBy(root: Expr): Used {
  const used: Used = { names: [], functions: [], patterns: [] };
  collect(root, new Set(), used);
  return used;
}

function collect(expr: Expr, bound: ReadonlySet<string>, used: Used): void {
  const { exprKind: kind } = expr;
  if (kind.case === 'identExpr' && !bound.has(kind.value.name)) used.names.push(kind.value.name);
  if (kind.case === 'structExpr' && kind.value.messageName !== '') used.names.push(kind.value.messageName);
  if (kind.case === 'callExpr') {
    used.functions.push(kind.value.function);
    const pattern = kind.value.function === 'matches' ? textOf(kind.value.args.at(-1)) : null;
    if (pattern !== null) used.patterns.push(pattern);
  }
  if (kind.case === 'comprehensionExpr') {
    const { iterVar, iterVar2, accuVar } = kind.value;
    const inside = new Set([...bound, iterVar, iterVar2, accuVar]);
    for (const child of outerParts(expr)) collect(child, bound, used);
    for (const child of innerParts(expr)) collect(child, inside, used);
    return;
  }
  for (const child of outerParts(expr)) collect(child, bound, used);
}

/** The parts of an expression that see the same names as itself. */
export function outerParts(expr: Expr): Expr[] {
  const { exprKind: kind } = expr;
  switch (kind.case) {
    case 'selectExpr':
      return present([kind.value.operand]);
    case 'callExpr':
      return present([kind.value.target, ...kind.value.args]);
    case 'listExpr':
      return kind.value.elements;
    case 'structExpr':
      return kind.value.entries.flatMap((entry) =>
        present([entry.keyKind.case === 'mapKey' ? entry.keyKind.value : undefined, entry.value]),
      );
    case 'comprehensionExpr':
      return present([kind.value.iterRange, kind.value.accuInit]);
    default:
      return [];
  }
}

/** The parts of a `map`, `filter`, `all` … that see its loop variable. */
function innerParts(expr: Expr): Expr[] {
  if (expr.exprKind.case !== 'comprehensionExpr') return [];
  const { loopCondition, loopStep, result } = expr.exprKind.value;
  return present([loopCondition, loopStep, result]);
}

function textOf(expr: Expr | undefined): string | null {
  if (expr?.exprKind.case !== 'constExpr') return null;
  const constant = expr.exprKind.value.constantKind;
  return constant.case === 'stringValue' ? constant.value : null;
}

function present(parts: readonly (Expr | undefined)[]): Expr[] {
  return parts.filter((part) => part !== undefined);
}

/** Findings for people: grouped by kind, the damage that explains the others first. */
import type { Finding } from '../index.js';
import { styled } from './output.js';

/** Findings of one kind that are printed in full; the others of the kind are counted. */
const SHOWN_OF_A_KIND = 3;
/** Kinds that follow from lost or damaged files: a record is absent, or its log is. */
const CONSEQUENCES: readonly Finding['kind'][] = ['missing', 'stray', 'tip-missing', 'schema-missing', 'anchor-range'];

/**
 * The lines that show findings. Kinds keep their order, except that kinds which follow from other
 * damage come last, marked as its likely result. Of each kind the first findings are shown and the
 * others counted, or all of them if `all` is set.
 */
export function findingLines(findings: readonly Finding[], all: boolean): string[] {
  const groups = new Map<Finding['kind'], Finding[]>();
  for (const finding of findings) {
    const group = groups.get(finding.kind);
    if (group === undefined) groups.set(finding.kind, [finding]);
    else group.push(finding);
  }
  const causes = [...groups].filter(([kind]) => !CONSEQUENCES.includes(kind));
  const results = [...groups].filter(([kind]) => CONSEQUENCES.includes(kind));
  return [...causes, ...results].flatMap(([kind, group]) => {
    const isResult = causes.length > 0 && CONSEQUENCES.includes(kind);
    const shown = all ? group : group.slice(0, SHOWN_OF_A_KIND);
    const lines = shown.map((finding) => `${styled('red', kind)}  ${placeOf(finding)}: ${finding.detail}`);
    if (shown.length < group.length)
      lines.push(`${kind}  and ${group.length - shown.length} more (--all shows every finding)`);
    if (isResult && group.length > 1) lines.push(`${kind}  probably a result of the damage above`);
    return lines;
  });
}

function placeOf({ key, file, offset, kind }: Finding): string {
  if (key !== undefined) return key;
  if (file === undefined) return kind;
  return offset === undefined ? file : `${file}, byte ${offset}`;
}

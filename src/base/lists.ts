/** Lists as long as the input has them. */

/** Appends all items. Not `push(...items)`: each argument takes stack, so a long list ends in "Maximum call stack size exceeded". */
export function appendAll<T>(list: T[], items: Iterable<T>): void {
  for (const item of items) list.push(item);
}

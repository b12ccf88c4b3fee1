/**
 * Appends all items. Unlike `push(...items)`, it works for any number of items: arguments are
 * passed on the stack, and too many of them overflow the stack.
 */
export function appendAll<T>(list: T[], items: Iterable<T>): void {
  for (const item of items) list.push(item);
}

/** Line breaks for generated Markdown. */

/** Columns of prose. */
export const PROSE_COLUMNS = 100;

/** Breaks one paragraph or list item at spaces; lines after the first begin with `indent`. */
export function wrapProse(text: string, indent = ''): string {
  const lines: string[] = [];
  for (const word of text.split(/ +/)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= PROSE_COLUMNS)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(line === undefined ? word : indent + word);
  }
  return lines.join('\n');
}

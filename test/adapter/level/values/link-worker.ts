/**
 * Makes hard links of the newest value files of a location and removes them again, until the
 * process is killed. Arguments: the location, and a directory for the links.
 */
import { linkSync, mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

const [location = '', to = ''] = process.argv.slice(2);
const values = join(location, 'values');
mkdirSync(to, { recursive: true });

function attempt(call: () => void): boolean {
  try {
    call();
    return true;
  } catch {
    return false; // The node has removed or renamed the file.
  }
}

let told = false;
for (let n = 0; ; n++) {
  for (const name of readdirSync(values).slice(-3)) {
    for (let i = 0; i < 20; i++) {
      const link = join(to, `${n}`);
      const made = attempt(() => linkSync(join(values, name), link));
      if (made && !told) process.stdout.write('linking\n');
      told ||= made;
      attempt(() => unlinkSync(link));
    }
  }
}

// Makes compiled entry points executable: tsc keeps the shebang, but not the mode.
import { chmodSync } from 'node:fs';

for (const file of process.argv.slice(2)) chmodSync(file, 0o755);

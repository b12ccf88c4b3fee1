/** Errors as the page shows them. */
import { isLanestoreError } from '../../errors.js';
import { CommandError } from '../command-error.js';
import { refusalOf, type ShownFinding, shownFindings } from './overview.js';

/** The answer if a request fails. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly findings: readonly ShownFinding[];
}

const STATUS = { absent: 404, usage: 400 } as const;

/** The status and the body for an error. */
export function failureOf(error: unknown): { readonly status: 400 | 404 | 422 | 500; readonly failure: Failure } {
  if (isLanestoreError(error))
    return { status: 422, failure: { ...refusalOf(error), findings: shownFindings(error.findings ?? []) } };
  if (error instanceof CommandError) {
    const status = error.exit === 'absent' || error.exit === 'usage' ? STATUS[error.exit] : 422;
    return { status, failure: failure(error.exit.toUpperCase(), error.message, error.remedy ?? '') };
  }
  const { message = String(error), syscall } = error as NodeJS.ErrnoException;
  if (syscall !== undefined)
    return { status: 422, failure: failure('LANESTORE_IO', message, 'check permissions, disk and path') };
  return { status: 500, failure: failure('INTERNAL', message, 'report it: this is an error in lanestore itself') };
}

function failure(code: string, message: string, remedy: string): Failure {
  return { code, message, remedy, findings: [] };
}

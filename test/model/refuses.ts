/** Asserts that a call is refused, with a code and a message. */
import * as assert from 'uvu/assert';
import { isLanestoreError, type LanestoreErrorCode } from '../../src/errors.js';

/** @param says beginning of the message, or a pattern. */
export function refuses(code: LanestoreErrorCode, says: string | RegExp, work: () => unknown): void {
  let error: unknown;
  try {
    work();
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error !== undefined, `accepted, but should be refused with: ${says}`);
  assert.ok(isLanestoreError(error), `${error} is no LanestoreError; should say: ${says}`);
  assert.is(error.code, code);
  const { message } = error;
  const fits = typeof says === 'string' ? message.startsWith(says) : says.test(message);
  assert.ok(fits, `says "${message}", should say: ${says}`);
}

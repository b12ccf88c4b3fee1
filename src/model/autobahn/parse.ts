/**
 * Reads protobuf with `@bufbuild/protobuf`: turns untrusted bytes into a message of autobahn_pb.ts.
 *
 * The library refuses only bytes that are not protobuf. The tables (message.ts) refuse fields that
 * are absent, too long or unknown. A comparison in codec.ts refuses bytes that are not the
 * canonical encoding.
 */
import { type DescMessage, fromBinary, type Message } from '@bufbuild/protobuf';
import { Malformed } from './malformed.js';

/**
 * Parses `bytes`; byte strings of the result share its memory.
 * @throws Malformed with the library's reason
 */
export function parse(desc: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(desc, bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Malformed(`is not a protobuf message of type ${desc.typeName}: ${reason}`, { cause: error });
  }
}

/** Refuses a message with unknown fields. @throws Malformed naming the first one */
export function refuseUnknown({ $unknown }: Pick<Message, '$unknown'>): void {
  const first = $unknown?.[0];
  if (first !== undefined) throw new Malformed(`has the unknown field ${first.no}`);
}

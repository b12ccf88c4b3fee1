/**
 * Reading protobuf, which is `@bufbuild/protobuf`'s work: bytes from anywhere become a message of autobahn_pb.ts here.
 *
 * The library is as lenient as protobuf is. It tells what is no protobuf at all; that a field is absent, too long or
 * unknown, the tables tell (message.ts), and that the bytes are not the canonical ones, the comparison in codecs.ts.
 */
import { type DescMessage, fromBinary, type Message } from '@bufbuild/protobuf';
import { Malformed } from './malformed.js';

/** What the library makes of `bytes`, whose memory its byte strings share. @throws Malformed with the library's reason */
export function parse(desc: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(desc, bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Malformed(`is no protobuf of ${desc.typeName}: ${reason}`, { cause: error });
  }
}

/** Refuses a message with fields that its schema does not have. @throws Malformed naming the first one */
export function refuseUnknown({ $unknown }: Pick<Message, '$unknown'>): void {
  const first = $unknown?.[0];
  if (first !== undefined) throw new Malformed(`has the unknown field ${first.no}`);
}

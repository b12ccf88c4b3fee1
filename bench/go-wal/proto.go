package main

import "encoding/binary"

// field finds the varint at the end of a path of field numbers through nested protobuf messages.
// The original decodes and hashes the whole surviving entry to verify it. This reads only the
// number, in favour of the original.
func field(message []byte, path ...uint64) (uint64, bool) {
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 {
			return 0, false
		}
		message = message[n:]
		value, n := binary.Uvarint(message)
		if n <= 0 {
			return 0, false
		}
		message = message[n:]
		switch tag & 7 {
		case 0:
			if tag>>3 == path[0] && len(path) == 1 {
				return value, true
			}
		case 2:
			if uint64(len(message)) < value {
				return 0, false
			}
			if tag>>3 == path[0] && len(path) > 1 {
				return field(message[:value], path[1:]...)
			}
			message = message[value:]
		default:
			return 0, false
		}
	}
	return 0, false
}

// blockNumber reads SignedMsg.msg.lane_proposal.header.block_number.
func blockNumber(signed []byte) uint64 {
	number, _ := field(signed, 1, 1, 1, 2)
	return number
}

// roadIndex reads CommitQC.vote.view.index; it is 0 if the view is absent.
func roadIndex(qc []byte) uint64 {
	index, _ := field(qc, 1, 1, 1)
	return index
}

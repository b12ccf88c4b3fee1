package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sort"
)

// dump opens a state directory as the original does. It writes the first index of each log, and a
// line per loaded entry: kind, number, SHA-256 of its bytes.
func dump(dir string, out io.Writer) error {
	store, err := open(dir)
	if err != nil {
		return err
	}
	if seq := store.anchor.seq; seq > 0 {
		bytes, err := os.ReadFile(store.anchor.path(seq))
		if err != nil {
			return err
		}
		data, ok := bytesField(bytes, 2)
		if !ok {
			return fmt.Errorf("the anchor's file has no data")
		}
		fmt.Fprintf(out, "anchor %d %s\n", seq, sum(data))
	}
	if err := dumpLog("commitqcs", store.qcs, out); err != nil {
		return err
	}
	lanes := make([]string, 0, len(store.lanes))
	for lane := range store.lanes {
		lanes = append(lanes, lane)
	}
	sort.Strings(lanes)
	for _, lane := range lanes {
		if err := dumpLog("blocks/"+hex.EncodeToString([]byte(lane)), store.lanes[lane], out); err != nil {
			return err
		}
	}
	return store.close()
}

func dumpLog(name string, log *numberedLog, out io.Writer) error {
	fmt.Fprintf(out, "%s first index %d\n", name, log.log.first)
	return log.log.readAll(func(bytes []byte) error {
		fmt.Fprintf(out, "%s %d %s\n", name, log.number(bytes), sum(bytes))
		return nil
	})
}

func sum(bytes []byte) string {
	hash := sha256.Sum256(bytes)
	return hex.EncodeToString(hash[:])
}

// bytesField finds a byte string field of the outermost message.
func bytesField(message []byte, number uint64) ([]byte, bool) {
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 {
			return nil, false
		}
		value, m := binary.Uvarint(message[n:])
		if m <= 0 {
			return nil, false
		}
		message = message[n+m:]
		if tag&7 != 2 {
			continue
		}
		if uint64(len(message)) < value {
			return nil, false
		}
		if tag>>3 == number {
			return message[:value], true
		}
		message = message[value:]
	}
	return nil, false
}

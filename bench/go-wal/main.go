// go-wal uses github.com/tidwall/wal as sei-protocol/sei-chain does at 11419398f, for comparison.
// It reads requests on stdin and writes answers to stdout (frames.go). It measures times itself,
// from the parsed request to the last fsync, so that pipes do not count.
//
// The original does more: it marshals entries, and decodes and hashes the surviving entry before
// each truncation. Both are omitted in favour of the original. At load, entries are read and
// numbered, not decoded.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

type server struct {
	store *persisters
	cpu   float64
}

type loaded struct {
	OpenMs    float64 `json:"openMs"`
	Blocks    uint64  `json:"blocks"`
	CommitQCs uint64  `json:"commitQCs"`
	Anchors   uint64  `json:"anchors"`
}

func (s *server) handle(request []byte) ([]byte, error) {
	body := request[1:]
	switch request[0] {
	case requestOpen:
		store, err := open(string(body))
		s.store = store
		return nil, err
	case requestRound:
		r, err := parseRound(body)
		if err != nil {
			return nil, err
		}
		before := cpuMs()
		times, err := s.store.run(r)
		s.cpu += cpuMs() - before
		if err != nil {
			return nil, err
		}
		answer := binary.LittleEndian.AppendUint64(nil, uint64(times.round))
		answer = binary.LittleEndian.AppendUint64(answer, uint64(times.first))
		return binary.LittleEndian.AppendUint64(answer, uint64(times.last)), nil
	case requestFigures:
		return json.Marshal(readFigures(s.cpu))
	case requestLoad:
		return load(string(body))
	case requestClose:
		return nil, s.store.close()
	}
	return nil, fmt.Errorf("no request %q", request[0])
}

func load(dir string) ([]byte, error) {
	start := time.Now()
	store, err := open(dir)
	if err != nil {
		return nil, err
	}
	result := loaded{CommitQCs: store.qcs.log.count()}
	for _, lane := range store.lanes {
		result.Blocks += lane.log.count()
	}
	if store.anchor.seq > 0 {
		result.Anchors = 1
	}
	result.OpenMs = float64(time.Since(start).Nanoseconds()) / 1e6
	if err := store.close(); err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "dump" {
		if err := dump(os.Args[2], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	in, out := bufio.NewReaderSize(os.Stdin, 1<<20), bufio.NewWriter(os.Stdout)
	s := &server{}
	var buffer []byte
	for {
		request, err := readFrame(in, buffer)
		if err != nil {
			return // the parent has exited
		}
		buffer = request
		answer, err := s.handle(request)
		if err != nil {
			answer = append([]byte{1}, err.Error()...)
		} else {
			answer = append([]byte{0}, answer...)
		}
		if err := writeFrame(out, answer); err != nil {
			return
		}
	}
}

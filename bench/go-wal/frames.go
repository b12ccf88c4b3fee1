package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// A frame is a u32 length, then that many bytes. The first byte of a request is its kind. All
// integers are little-endian.
const (
	requestOpen    = 'O' // path: open or create
	requestRound   = 'R' // a round, see parseRound
	requestFigures = 'F' // resources so far
	requestLoad    = 'L' // path: open, read everything, close
	requestClose   = 'C'
)

type laneRound struct {
	id     []byte
	start  uint64 // start of the lane in the anchor
	blocks [][]byte
}

// round is one persist round with encoded entries.
type round struct {
	anchor   []byte // nil: none
	anchorQC []byte
	qcs      [][]byte
	lanes    []laneRound
}

func readFrame(in *bufio.Reader, buffer []byte) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	length := int(binary.LittleEndian.Uint32(head[:]))
	if cap(buffer) < length {
		buffer = make([]byte, length)
	}
	buffer = buffer[:length]
	_, err := io.ReadFull(in, buffer)
	return buffer, err
}

func writeFrame(out *bufio.Writer, bytes []byte) error {
	var head [4]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(bytes)))
	if _, err := out.Write(head[:]); err != nil {
		return err
	}
	if _, err := out.Write(bytes); err != nil {
		return err
	}
	return out.Flush()
}

var errFrame = errors.New("a frame ends early")

type parser struct {
	rest []byte
	err  error
}

func (p *parser) take(n int) []byte {
	if p.err != nil || len(p.rest) < n {
		p.err = errFrame
		return nil
	}
	bytes := p.rest[:n:n]
	p.rest = p.rest[n:]
	return bytes
}

func (p *parser) u32() int {
	if bytes := p.take(4); bytes != nil {
		return int(binary.LittleEndian.Uint32(bytes))
	}
	return 0
}

func (p *parser) u64() uint64 {
	if bytes := p.take(8); bytes != nil {
		return binary.LittleEndian.Uint64(bytes)
	}
	return 0
}

func (p *parser) bytes() []byte { return p.take(p.u32()) }

func (p *parser) list() [][]byte {
	list := make([][]byte, 0, 4)
	for n := p.u32(); n > 0 && p.err == nil; n-- {
		list = append(list, p.bytes())
	}
	return list
}

// parseRound parses: anchor, its CommitQC (both of length 0 if absent), CommitQCs, lanes (id,
// start, blocks). The entries alias the frame.
func parseRound(frame []byte) (*round, error) {
	p := &parser{rest: frame}
	r := &round{anchor: p.bytes(), anchorQC: p.bytes(), qcs: p.list()}
	if len(r.anchor) == 0 {
		r.anchor = nil
	}
	for n := p.u32(); n > 0 && p.err == nil; n-- {
		r.lanes = append(r.lanes, laneRound{id: p.bytes(), start: p.u64(), blocks: p.list()})
	}
	return r, p.err
}
